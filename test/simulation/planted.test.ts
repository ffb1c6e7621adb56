import type { Store, StoreChange } from "@tightbeam/core/store";
import { conversation, type Place, SimulationFailure, simulate } from "@tightbeam/simulation";
import { expect, it } from "vitest";

/** Within so many a planted bug has to be found. */
const seedsMax = 1_000;

const faults = { kinds: ["crash", "torn"], most: 3 } as const;

/** The first seed with which a conversation over such stores fails, and how. With the same faults and honest stores it holds. */
async function hunt(store: (raw: Store, place: Place) => Store): Promise<SimulationFailure> {
  for (let seed = 0; seed < seedsMax; seed++) {
    try {
      await simulate({ ...conversation(seed, { store }), seed, faults });
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      await simulate({ ...conversation(seed), seed, faults: error.faults });
      return error;
    }
  }
  throw new Error(`Not found within ${seedsMax} seeds.`);
}

const isOf = (prefix: string) => (change: StoreChange) => ("put" in change ? change.put : change.remove).startsWith(prefix);

/** Says that such batches are flushed when they are not, and writes them later. */
const early =
  (prefix: string) =>
  (raw: Store, { sleep }: Place): Store => ({
    ...raw,
    get: (key) => raw.get(key),
    scan: (...scan) => raw.scan(...scan),
    async batch(changes) {
      const late = changes.filter(isOf(prefix));
      if (late.length === 0) return raw.batch(changes);
      const copied = late.map((change) => ("put" in change ? { put: change.put, value: change.value.slice() } : change));
      await raw.batch(changes.filter((change) => !late.includes(change)));
      void sleep(200)
        .then(() => raw.batch(copied))
        .catch(() => undefined);
    },
  });

it.each([
  // What DONE says before the mark is written a crash makes untrue: its sender knows better than the store, or it is handled again.
  ["an acknowledgement before the mark is written", "mark/", ["done", "sound"]],
  ["a durable message that is accepted before it is on disk", "out/", ["acknowledged", "done", "sound"]],
])("%s is found", { timeout: 240_000 }, async (_, prefix, invariants) => {
  const { seed, violations, message } = await hunt(early(prefix));
  expect(seed).toBeLessThan(seedsMax);
  expect(invariants).toContain(violations[0]?.invariant);
  expect(message).toMatch(/#\d (?:crash|torn) /);
});
