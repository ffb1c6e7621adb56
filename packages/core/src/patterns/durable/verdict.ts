import { type ErrorCode, isTightbeamError } from "../../errors.js";
import type { Outcome } from "../../link/message.js";
import { causeOf } from "../dead-letters/cause.js";

/** What is to be done with a durable message whose handler settled. */
export type Verdict =
  | { readonly is: "handled" | "ending" | "elsewhere" }
  /** Tried again. `counts`: its handler had begun. */
  | { readonly is: "retry"; readonly counts: boolean; readonly after: number }
  /** Over without having been handled. */
  | { readonly is: "over"; readonly outcome: "refused" | "no_handler" | "dead_lettered"; readonly code: ErrorCode; readonly cause: string };

/** Refused for good: by policy, by the schema, by its time, or because nothing of it can be read. */
const forGood: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "forbidden",
  "invalid_input",
  "invalid_envelope",
  "malformed",
  "expired",
  "too_large",
  "unsupported",
]);

/** `begun`: the handler, or what stands before it, had begun. `last`: it was its last try. */
export function judge(outcome: Outcome, error: unknown, begun: boolean, attempt: number, last: boolean): Verdict {
  if (outcome === "ok") return { is: "handled" };
  const known = isTightbeamError(error) ? error : undefined;
  const code = outcome === "no_handler" ? "no_handler" : (known?.code ?? "handler_failed");
  const after = known?.retryAfter ?? 0;
  // Of our own, not of an agent that the handler asked.
  if (known !== undefined && known.id === undefined) {
    if (code === "closed") return { is: "ending" };
    // Again after 0 ms: this agent is closing.
    if (!begun && (code === "overloaded" || code === "rate_limited")) return after === 0 ? { is: "elsewhere" } : { is: "retry", counts: false, after };
    if (forGood.has(code)) return { is: "over", outcome: "refused", code, cause: causeOf(error).cause };
  }
  if (!last) return { is: "retry", counts: true, after };
  if (code === "no_handler") return { is: "over", outcome: "no_handler", code, cause: "Nothing here handles it." };
  return { is: "over", outcome: "dead_lettered", code, cause: `Tried ${attempt} times. ${causeOf(error).cause}` };
}
