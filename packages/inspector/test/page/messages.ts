import type { MessageStage } from "@tightbeam/core";
import type { MessageView } from "../../src/feed/types.js";

/** A message with what a test says of it. */
export const message = (given: Partial<MessageView> & { readonly id: string }): MessageView => ({
  key: given.id,
  from: "a/1",
  to: "b/1",
  type: "request",
  priority: "normal",
  bytes: 100,
  at: 0,
  stages: [],
  ...given,
});

export const stages = (...names: readonly MessageStage[]): MessageView["stages"] => names.map((what, at) => ({ what, at, by: "sender" as const }));
