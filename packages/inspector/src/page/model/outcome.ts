import type { MessageStage } from "@tightbeam/core";
import type { MessageView } from "../../feed/types.js";

/** What became of a message, for a glance. `open`: nothing is known yet that ends it. */
export type Outcome = "open" | "done" | "failed";

const failing: ReadonlySet<MessageStage> = new Set(["failed", "expired", "dead_lettered"]);
const ending: Readonly<Record<MessageView["type"], ReadonlySet<MessageStage>>> = {
  request: new Set(["answered", "processed"]),
  stream: new Set(["answered", "processed", "acknowledged"]),
  notification: new Set(["processed", "acknowledged"]),
  event: new Set(["processed", "acknowledged"]),
  response: new Set(["delivered", "acknowledged", "processed"]),
  error: new Set(["delivered", "acknowledged", "processed"]),
};

export function outcomeOf(message: MessageView): Outcome {
  if (message.code !== undefined || message.stages.some(({ what }) => failing.has(what))) return "failed";
  return message.stages.some(({ what }) => ending[message.type].has(what)) ? "done" : "open";
}

export const isReply = ({ type, correlationId }: Pick<MessageView, "type" | "correlationId">): boolean =>
  correlationId !== undefined && (type === "response" || type === "error" || type === "stream");

/** The newest stage, which is the last one told. */
export const lastStage = (message: MessageView): MessageStage | undefined => message.stages.at(-1)?.what;

/** From the first to the last known moment, ms. */
export const spanOf = (message: MessageView): number => {
  const times = message.stages.map(({ at }) => at);
  return times.length === 0 ? 0 : Math.max(0, Math.max(...times) - Math.min(...times));
};

/** What a message took as its sender or its handler saw it. */
export const durationOf = (message: MessageView): number | undefined => message.answered ?? message.handled ?? (spanOf(message) || undefined);
