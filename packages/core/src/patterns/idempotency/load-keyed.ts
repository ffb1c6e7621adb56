import { onDemand } from "../../on-demand.js";
import type { IdempotencyOptions } from "./types.js";

/** With the first key that comes; with options at once. */
export const loadKeyed = onDemand(() => import("./keyed.js"));

/** Rejects `invalid_argument`, and `unavailable`. */
export async function checkIdempotency(options: IdempotencyOptions | false | undefined): Promise<void> {
  if (options !== undefined && options !== false) (await loadKeyed()).idempotencyBounds(options, false);
}
