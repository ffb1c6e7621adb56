import { TightbeamError } from "../errors.js";
import type { StoreChange } from "./types.js";

const keyPattern = /^[A-Za-z0-9_/-]{1,256}$/;
const prefixPattern = /^[A-Za-z0-9_/-]{0,256}$/;

/** Whether there may be an entry of this key. */
export const isKey = (key: unknown): key is string => typeof key === "string" && keyPattern.test(key);

/** Throws `invalid_argument` for a key outside the grammar, `too_large` for a value beyond `maxValueBytes`. */
export function checkChanges(changes: readonly StoreChange[], maxValueBytes: number): void {
  for (const change of changes) {
    const key = "put" in change ? change.put : change.remove;
    if (!isKey(key)) throw new TightbeamError("invalid_argument", "A key of a store is 1 to 256 of A-Z a-z 0-9 _ - /.");
    if ("put" in change && change.value.length > maxValueBytes)
      throw new TightbeamError("too_large", `The value has ${change.value.length} bytes; this store takes at most ${maxValueBytes}.`);
  }
}

/** Throws `invalid_argument`. */
export function checkKeyPrefix(prefix: string): void {
  if (typeof prefix !== "string" || !prefixPattern.test(prefix)) throw new TightbeamError("invalid_argument", "A prefix is 0 to 256 of A-Z a-z 0-9 _ - /.");
}

/** Twelve hex digits: numbers below 2^48 in the order of their values. */
export const numberKey = (value: number): string => value.toString(16).padStart(12, "0");
