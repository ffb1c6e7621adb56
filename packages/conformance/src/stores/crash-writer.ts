import { systemRuntime } from "@tightbeam/core/runtime";
import { numberKey, type Store } from "@tightbeam/core/store";
import { must, numbered, numberIn } from "./pieces.js";

const lastKey = "crash/last";
const pairKeys = (batch: number): [string, string] => [`crash/a/${numberKey(batch)}`, `crash/b/${numberKey(batch)}`];
/** Batches whose entries are kept: each removes those of the one that many before it. */
const kept = 64;
const inFlight = 24;
/** Sizes go round: some entries lie within a page, some across several. */
const sizeOf = (batch: number): number => 8 + ((batch * 523) % 6_000);

/**
 * Writes numbered batches, many at a time, each of several changes that belong together, for ever, going on where the store left off. Calls `confirmed` with the number
 * up to which all have settled. For a process that a rule kills. Rejects what the store rejects.
 */
export async function writeUntilKilled(store: Store, confirmed: (batch: number) => void): Promise<never> {
  const { timers } = systemRuntime();
  let next = (await lastOf(store)) + 1;
  let settled = next - 1;
  let told = settled;
  const ahead = new Set<number>();
  const one = async (): Promise<never> => {
    for (;;) {
      const batch = next++;
      const [a, b] = pairKeys(batch);
      const value = numbered(batch, sizeOf(batch));
      const [oldA, oldB] = pairKeys(batch - kept);
      const old = batch > kept ? [{ remove: oldA }, { remove: oldB }] : [];
      await store.batch([{ put: a, value }, ...old, { put: lastKey, value: numbered(batch) }, { put: b, value }]);
      ahead.add(batch);
      while (ahead.delete(settled + 1)) settled++;
      await new Promise<void>((resolve) => timers.turn(resolve));
    }
  };
  const tell = (): void => {
    if (settled > told) confirmed(settled);
    told = settled;
    timers.after(1, tell);
  };
  tell();
  return Promise.race(Array.from({ length: inFlight }, one));
}

async function lastOf(store: Store): Promise<number> {
  const value = await store.get(lastKey);
  return value === undefined ? 0 : numberIn(value);
}

/** Throws unless what `writeUntilKilled` left is whole: everything up to the last batch, nothing beyond it, and that not before `confirmed`. Returns the last batch. */
export async function checkWritten(store: Store, confirmed: number): Promise<number> {
  const last = await lastOf(store);
  must(last >= confirmed, `batch ${confirmed} was confirmed, and the last one in the store is ${last}`);
  const expected = new Map<string, number>();
  for (let batch = Math.max(1, last - kept + 1); batch <= last; batch++) for (const key of pairKeys(batch)) expected.set(key, batch);
  for await (const [key, value] of store.scan("crash/")) {
    if (key === lastKey) continue;
    const batch = expected.get(key);
    must(batch !== undefined, `${key} is there, and the last batch is ${last}: a batch is there in part, or what it removed is`);
    must(value.length === sizeOf(batch) && numberIn(value) === batch, `${key} is not what batch ${batch} wrote`);
    expected.delete(key);
  }
  must(expected.size === 0, `${[...expected.keys()].slice(0, 3).join(", ")} of ${expected.size} entries are missing, and the last batch is ${last}`);
  return last;
}
