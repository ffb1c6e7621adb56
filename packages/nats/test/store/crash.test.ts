import type { StoreChange } from "@tightbeam/core/store";
import fc from "fast-check";
import { expect, it } from "vitest";
import { openWith } from "../../src/store/open.js";
import type { LogLimits } from "../../src/store/writer.js";
import { withNatsServer } from "../broker.js";
import { bytes } from "../fixture.js";
import { type Fate, faulty } from "./faulty.js";
import { client, contents, generations, jetStreamBroker } from "./fixture.js";

/** Checkpoints begin at a few records: every path is walked in a few batches. */
const limits: LogLimits = { soft: { bytes: 2_000, records: 3 }, most: { bytes: 20_000, records: 9 } };

type Step = readonly (readonly [key: number, value: number | undefined])[];
const step: fc.Arbitrary<Step> = fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.option(fc.integer({ min: 0, max: 999 }), { nil: undefined })), {
  minLength: 1,
  maxLength: 4,
});
const changesOf = (batch: Step): StoreChange[] =>
  batch.map(([key, value]) => (value === undefined ? { remove: `k/${key}` } : { put: `k/${key}`, value: bytes(String(value)) }));
const after = (state: Record<string, string>, batch: Step): Record<string, string> => {
  const next = { ...state };
  for (const [key, value] of batch) {
    delete next[`k/${key}`];
    if (value !== undefined) next[`k/${key}`] = String(value);
  }
  return next;
};
const sorted = (state: Record<string, string>): [string, string][] => Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1));

withNatsServer("a store in JetStream, killed", () => {
  it.each(generations)(
    "TM-181: at any request has every batch that settled, and of the others a beginning (client %s)",
    { timeout: 60_000 },
    async (generation) => {
      const broker = await jetStreamBroker();
      const connection = await client(broker, {}, generation);
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 25 }),
          fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 3 }),
          async (batches, lives) => {
            const name = `crash-${generation.replace(".", "-")}-${++run}`;
            let state: Record<string, string> = {};
            let next = 0;
            for (const life of [...lives, Number.POSITIVE_INFINITY]) {
              let left = Number.POSITIVE_INFINITY;
              let died = (): void => undefined;
              const dead = new Promise<void>((resolve) => {
                died = resolve;
              });
              const store = await openWith(
                {
                  connection: faulty(connection, () => {
                    if (left-- > 0) return "ok";
                    died();
                    return "killed";
                  }),
                  name,
                  lease: 200,
                },
                limits,
              );
              // What is there is what settled, and of what was under way when it died a beginning.
              const found = sorted(await contents(store));
              const possible = [state];
              for (const batch of batches.slice(next, next + 4)) possible.push(after(possible.at(-1) ?? {}, batch));
              const at = possible.findLastIndex((each) => JSON.stringify(sorted(each)) === JSON.stringify(found));
              expect(at, JSON.stringify({ found, possible })).toBeGreaterThanOrEqual(0);
              state = possible[at] ?? {};
              left = life;
              // From here on one after the other, four at a time: those of the last life that were not there come again.
              while (next < batches.length && left > 0) {
                const group = batches.slice(next, next + 4);
                const settled = Promise.all(group.map((batch) => store.batch(changesOf(batch)))).then(() => true);
                if ((await Promise.race([settled, dead.then(() => false)])) !== true) break;
                for (const batch of group) state = after(state, batch);
                next += group.length;
              }
              if (life !== Number.POSITIVE_INFINITY) left = 0;
              else await store.close();
            }
            expect(next).toBe(batches.length);
          },
        ),
        { numRuns: generation === "3" ? 3 : 1 },
      );
    },
  );

  it("TM-181: has each batch once and in order when answers and requests are lost all the time", { timeout: 60_000 }, async () => {
    const broker = await jetStreamBroker();
    const connection = await client(broker);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.array(fc.constantFrom<Fate>("ok", "ok", "answer_lost", "lost"), { minLength: 1, maxLength: 200 }),
        async (batches, fates) => {
          const name = `lossy-${++run}`;
          let opened = false;
          const lossy = faulty(connection, () => (opened ? (fates.shift() ?? "ok") : "ok"));
          const store = await openWith({ connection: lossy, name }, limits);
          opened = true;
          let state: Record<string, string> = {};
          await Promise.all(
            batches.map((batch) => {
              state = after(state, batch);
              return store.batch(changesOf(batch));
            }),
          );
          expect(sorted(await contents(store))).toEqual(sorted(state));
          await store.close();
          const again = await openWith({ connection, name }, limits);
          expect(sorted(await contents(again))).toEqual(sorted(state));
          await again.close();
        },
      ),
      { numRuns: 5 },
    );
  });
});
