import { printable } from "../../envelope/grammar.js";
import { type ErrorCode, isTightbeamError } from "../../errors.js";

const causeMax = 512;

/**
 * Why a message is a letter. The text of an error that is not ours may hold anything, the payload among it: only its name is kept. The agent's
 * event `handler_failed` has had the rest.
 */
export function causeOf(error: unknown): { readonly reason: ErrorCode; readonly cause: string } {
  if (isTightbeamError(error)) return { reason: error.code, cause: printable(error.message.slice(0, causeMax)) };
  const name: unknown = error instanceof Error ? error.name : typeof error;
  const kind = typeof name === "string" && /^\w{1,64}$/.test(name) ? name : "Error";
  return { reason: "handler_failed", cause: `The handler threw: ${kind}. Its event handler_failed says more.` };
}
