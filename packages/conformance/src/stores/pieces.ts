import { isTightbeamError, type ScanOptions, type Store, type StoreChange } from "@tightbeam/core/store";
import type { StoreRuleContext } from "./rule.js";

export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** A value that holds a number, `length` bytes long (at least 4); all of it depends on the number. */
export function numbered(value: number, length = 4): Uint8Array {
  const bytes = new Uint8Array(length).fill(value);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** NaN for a value that `numbered` did not make. */
export function numberIn(bytes: Uint8Array | undefined): number {
  if (bytes === undefined || bytes.length < 4) return Number.NaN;
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);
  for (let i = 4; i < bytes.length; i++) if (bytes[i] !== (value & 0xff)) return Number.NaN;
  return value;
}

export const put = (key: string, value: number, length?: number): StoreChange => ({ put: key, value: numbered(value, length) });

export const batch = (context: StoreRuleContext, store: Store, ...changes: readonly StoreChange[]): Promise<void> =>
  context.within(store.batch(changes), "batch()");

export const read = async (context: StoreRuleContext, store: Store, key: string): Promise<number | undefined> => {
  const value = await context.within(store.get(key), `get("${key}")`);
  return value === undefined ? undefined : numberIn(value);
};

/** The keys of a scan, with their numbers: `key=1`. */
export async function scanned(context: StoreRuleContext, store: Store, prefix: string, options?: ScanOptions): Promise<string[]> {
  const found: string[] = [];
  const all = async (): Promise<void> => {
    for await (const [key, value] of store.scan(prefix, options)) found.push(`${key}=${numberIn(value)}`);
  };
  await context.within(all(), `scan("${prefix}")`);
  return found;
}

export function mustBe(found: readonly string[], expected: readonly string[], what: string): void {
  must(found.join() === expected.join(), `${what}: [${found.join(", ")}] instead of [${expected.join(", ")}]`);
}

export async function mustReject(context: StoreRuleContext, promise: Promise<unknown>, code: string, what: string): Promise<void> {
  const error = await context.within(
    promise.then(
      () => undefined,
      (reason: unknown) => reason ?? new Error("nothing"),
    ),
    what,
  );
  must(error !== undefined, `${what}: resolved instead of rejecting with "${code}"`);
  must(isTightbeamError(error), `${what}: rejected with something that is no TightbeamError: ${String(error)}`);
  must(error.code === code, `${what}: rejected with "${error.code}" instead of "${code}"`);
}
