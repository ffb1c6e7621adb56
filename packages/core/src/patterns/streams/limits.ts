import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";

/** What a chunk counts in a stream's credit beside its bytes: else empty ones would be free. Both sides count so. */
export const chunkCost = 64;

/** Throws `invalid_argument` unless it is a window. */
export function windowOf(window: number | undefined): number {
  if (window === undefined) return limits.streamWindowBytes;
  if (Number.isInteger(window) && window >= 1 && window <= limits.streamWindowMaxBytes) return window;
  throw new TightbeamError("invalid_argument", `A stream's window is in whole bytes, 1 to ${limits.streamWindowMaxBytes}.`);
}
