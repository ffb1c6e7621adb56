import type { ErrorCode, TightbeamError } from "../../errors.js";
import type { Link, LinkState } from "../../link/link-types.js";
import type { PolicyEvent } from "../../resilience/types.js";
import type { MessageMoment, TelemetryEvent } from "../../telemetry/types.js";
import type { Moved } from "../asking/call.js";
import type { DeadLetter } from "../dead-letters/types.js";
import type { SecurityCounts } from "./security.js";
import { codeOf } from "./teller.js";

/** What of an agent's own events is told. */
export type ToldEvent =
  | PolicyEvent
  | ({ readonly type: "moved" } & Moved)
  | { readonly type: "link"; readonly link: Link; readonly state: LinkState }
  | { readonly type: "link_ended"; readonly link: Link; readonly error: TightbeamError; readonly undelivered: number }
  | { readonly type: "refused"; readonly peer: string; readonly error: TightbeamError };

const peerOf = ({ peer: { id, instance } }: Link): { readonly id: string; readonly instance: string } => ({ id, instance });

/** An event of the agent as a moment, or none. */
export function momentOf(event: ToldEvent | { readonly type: string }, at: number, security: SecurityCounts): TelemetryEvent | undefined {
  const told = event as ToldEvent;
  switch (told.type) {
    case "link":
      return told.state === "ended" ? undefined : { kind: "link", at, what: told.state, peer: peerOf(told.link) };
    case "link_ended":
      return { kind: "link", at, what: "ended", peer: peerOf(told.link), code: told.error.code, undelivered: told.undelivered };
    case "breaker":
      return { kind: "breaker", at, what: told.to, peer: told.peer, method: told.method };
    case "retried":
      return { kind: "retry", at, what: "retried", peer: told.peer, method: told.method, code: codeOf(told.error), attempt: told.attempt };
    case "retry_refused":
      return { kind: "retry", at, what: "refused", peer: told.peer, method: told.method, code: codeOf(told.error) };
    case "moved":
      return { kind: "retry", at, what: "moved", peer: told.peer, method: told.method };
    case "refused":
      security.count("refused", told.error.code satisfies ErrorCode, { id: told.peer });
      return undefined;
    default:
      return undefined;
  }
}

/** What became a dead letter. */
export function letterMoment(letter: DeadLetter, instance: string | undefined, at: number): MessageMoment {
  const { messageId, side, peer, method, reason, priority, bytes, attempts } = letter;
  const direction = side === "sender" ? "sent" : "received";
  return {
    kind: "message",
    at,
    what: "dead_lettered",
    direction,
    id: messageId ?? "",
    type: "notification",
    ...(method === "" ? {} : { name: method }),
    peer: { id: peer, instance: instance ?? "" },
    priority,
    bytes,
    code: reason,
    attempt: attempts,
  };
}
