import { isTightbeamError, TightbeamError } from "../errors.js";
import { printable } from "./grammar.js";
import type { WireError } from "./types.js";

const failed = "The handler failed. What it threw stays on its side: see the event handler_failed there, of this id.";

/**
 * What a peer is told about an error: code, message and `id`, under which this side's log has the rest. Stack and cause
 * stay here. An error that is not ours becomes `handler_failed` with a fixed message: its text may hold anything.
 */
export function toWireError(error: unknown, id: string): WireError {
  if (!isTightbeamError(error)) return { code: "handler_failed", message: failed, id };
  const wire = { code: error.code, message: printable(error.message), id };
  const retryAfter = error.retryAfter;
  if (retryAfter === undefined || !(retryAfter >= 0)) return wire;
  return { ...wire, retryAfter: Math.min(Math.ceil(retryAfter), 2 ** 32 - 1) };
}

/** The error to throw for what a peer told. */
export const fromWireError = (wire: WireError): TightbeamError =>
  new TightbeamError(wire.code, wire.message, wire.retryAfter === undefined ? { id: wire.id } : { id: wire.id, retryAfter: wire.retryAfter });
