import type { MessageStage } from "./types.js";

/** The stages that are told of every message, sampled or not. */
export const isFailure = (stage: MessageStage): boolean => stage === "failed" || stage === "expired" || stage === "dead_lettered";
