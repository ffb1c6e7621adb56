import type { Priority } from "@tightbeam/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type Mortal } from "./world.js";

beforeAll(loadParts);

type Step =
  | { readonly do: "send"; readonly count: number; readonly priority: Priority }
  | { readonly do: "crash"; readonly who: "alice" | "bob"; readonly after: number }
  | { readonly do: "cut"; readonly ms: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "full"; readonly who: "alice" | "bob"; readonly ms: number };

const who = fc.constantFrom("alice" as const, "bob" as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      count: fc.integer({ min: 1, max: 12 }),
      priority: fc.constantFrom("critical" as const, "normal" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("crash" as const), who, after: fc.integer({ min: 0, max: 300 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("full" as const), who, ms: fc.integer({ min: 1, max: 2_000 }) }) },
);

/** Plays the steps, then mends everything, and returns what was wrong. */
async function play(steps: readonly Step[], seed: number): Promise<string[]> {
  const wrong: string[] = [];
  const here = await createWorld({ seed });
  const disks = { alice: createDisk({ manual: true }), bob: createDisk({ manual: true }) };
  const flushNowAndThen = (): void => {
    for (const disk of Object.values(disks)) if ((here.runtime.random.bytes(1)[0] as number) < 100) disk.flush();
    here.runtime.timers.after(2, flushNowAndThen);
  };
  flushNowAndThen();
  const accepted = new Set<string>();
  const done = new Set<string>();
  const settled = new Set<string>();
  const starts = new Map<string, string[]>([
    ["critical", []],
    ["normal", []],
  ]);
  const begun = new Set<string>();
  let next = 0;

  const startAlice = async (): Promise<Mortal> => {
    const alice = await here.start("alice", { disk: disks.alice });
    alice.agent.handle("job", async (input, context) => {
      const id = input as string;
      if (done.has(id)) wrong.push(`${id} ran after its DONE`);
      if (!begun.has(id)) starts.get(context.priority)?.push(id);
      begun.add(id);
      await new Promise<void>((resolve) => here.runtime.timers.after((next * 7) % 50, resolve));
      settled.add(id);
    });
    return alice;
  };
  const startBob = (): Promise<Mortal> => here.start("bob", { disk: disks.bob });
  const living = { alice: await startAlice(), bob: await startBob() };

  for (const each of steps) {
    if (each.do === "send") {
      for (let i = 0; i < each.count; i++) {
        const id = String(next++);
        const { agent } = living.bob;
        const { priority } = each;
        const confirmed = agent.notify("alice", "job", id, { durable: true, priority, confirm: "done" });
        confirmed.then(
          () => {
            done.add(id);
            if (!settled.has(id)) wrong.push(`${id} is DONE and was not handled`);
          },
          () => undefined,
        );
        agent.notify("alice", "job", `${id}+`, { durable: true, priority }).then(
          () => accepted.add(`${id}+`),
          () => undefined,
        );
      }
    } else if (each.do === "crash") {
      await here.runtime.advance(each.after);
      await living[each.who].crash();
      living[each.who] = each.who === "alice" ? await startAlice() : await startBob();
    } else if (each.do === "cut") {
      here.cut();
      await here.runtime.advance(each.ms);
      here.mend();
    } else if (each.do === "full") {
      disks[each.who].fail("store_full");
      await here.runtime.advance(each.ms);
      disks[each.who].fail(undefined);
    } else await here.runtime.advance(each.ms);
  }
  await here.during(living.bob.agent.durable.flush());
  await here.during(living.bob.agent.durable.idle());
  for (const id of [...accepted, ...done]) if (!settled.has(id)) wrong.push(`${id} was accepted and never handled`);
  // A receiver whose store is full gives messages back: they come again, later.
  const ordered = !steps.some((each) => each.do === "full" && each.who === "alice");
  for (const [lane, ids] of ordered ? starts : []) {
    const numbers = ids.map((id) => Number.parseInt(id, 10));
    for (let i = 1; i < numbers.length; i++)
      if ((numbers[i] as number) < (numbers[i - 1] as number)) wrong.push(`${lane}: ${ids[i]} began after ${ids[i - 1]}`);
  }
  const { damaged } = {
    damaged: [...living.alice.events, ...living.bob.events].filter(({ type }) => type === "store_damaged" || type === "store_rolled_back"),
  };
  if (damaged.length > 0) wrong.push(`events: ${JSON.stringify(damaged)}`);
  await here.close();
  return wrong;
}

describe("whatever happens", () => {
  test("G-70 G-71 every accepted message is handled, nothing with a DONE runs again, and lanes keep their order", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), fc.integer({ min: 1, max: 1_000_000 }), async (steps, seed) => {
        expect(await play(steps, seed)).toEqual([]);
      }),
      { numRuns: Number(process.env.RUNS ?? 12) },
    );
  });
});
