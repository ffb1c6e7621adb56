import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type Mortal } from "./world.js";

beforeAll(loadParts);

type Step =
  | { readonly do: "send"; readonly count: number }
  | { readonly do: "crash"; readonly who: "alice" | "bob"; readonly after: number }
  | { readonly do: "close"; readonly after: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "full"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), count: fc.integer({ min: 1, max: 15 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("crash" as const), who: fc.constantFrom("alice" as const, "alice" as const, "bob" as const), after: fc.nat(300) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), after: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("full" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
);

/** Alice adds up what Bob sends, as docs/checkpoints.md says to. What was wrong, and how many messages there were. */
async function play(steps: readonly Step[], seed: number): Promise<{ readonly wrong: readonly string[]; readonly count: number }> {
  const wrong: string[] = [];
  const here = await createWorld({ seed });
  const { runtime } = here;
  const disks = { alice: createDisk({ manual: true }), bob: createDisk({ manual: true }) };
  const chance = (): number => runtime.random.bytes(1)[0] as number;
  const flushNowAndThen = (): void => {
    for (const disk of Object.values(disks)) if (chance() < 100) disk.flush();
    runtime.timers.after(2, flushNowAndThen);
  };
  flushNowAndThen();
  const accepted = new Set<number>();
  const done = new Set<number>();
  let next = 0;

  const startAlice = async (): Promise<Mortal> => {
    const alice = await here.start("alice", { disk: disks.alice });
    let tally = ((await here.during(alice.agent.restore("tally"))) ?? []) as readonly number[];
    if (new Set(tally).size < tally.length) wrong.push(`twice: ${tally.join(" ")}`);
    for (const each of done) if (!tally.includes(each)) wrong.push(`${each} is DONE and not in what was restored`);
    alice.agent.handle("add", async (input, context) => {
      await new Promise<void>((resolve) => runtime.timers.after(chance() % 20, resolve));
      tally = [...tally, input as number];
      await context.commit(tally, { name: "tally" });
      if (chance() < 40) throw new Error("after its commit");
    });
    return alice;
  };
  const living = { alice: await startAlice(), bob: await here.start("bob", { disk: disks.bob }) };

  for (const each of steps) {
    if (each.do === "send")
      for (let i = 0; i < each.count; i++) {
        const number = next++;
        const confirm = number % 2 === 0 ? ({ confirm: "done" } as const) : {};
        living.bob.agent.notify("alice", "add", number, { durable: true, ...confirm }).then(
          () => {
            accepted.add(number);
            if (number % 2 === 0) done.add(number);
          },
          () => undefined,
        );
      }
    else if (each.do === "wait") await runtime.advance(each.ms);
    else if (each.do === "full") {
      disks.alice.fail("store_full");
      await runtime.advance(each.ms);
      disks.alice.fail(undefined);
    } else if (each.do === "close") {
      await runtime.advance(each.after);
      await living.alice.close();
      living.alice = await startAlice();
    } else {
      await runtime.advance(each.after);
      await living[each.who].crash();
      if (each.who === "alice") living.alice = await startAlice();
      else living.bob = await here.start("bob", { disk: disks.bob });
    }
  }
  await here.during(living.bob.agent.durable.idle());
  await runtime.advance(1_000);
  await living.alice.crash();
  living.alice = await startAlice();
  const tally = (await here.during(living.alice.agent.restore("tally"))) as readonly number[] | undefined;
  for (const each of accepted) if (tally?.includes(each) !== true) wrong.push(`${each} was accepted and is not in the tally`);
  await here.close();
  return { wrong, count: tally?.length ?? 0 };
}

describe("a tally that is committed", () => {
  test("is exactly what was handled, wherever its process died (G-91)", { timeout: 120_000 }, async () => {
    let counted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 14 }), fc.integer({ min: 1, max: 1_000_000 }), async (steps, seed) => {
        const { wrong, count } = await play(steps, seed);
        counted += count;
        expect(wrong).toEqual([]);
      }),
      { numRuns: Number(process.env.TALLY_RUNS ?? 25) },
    );
    expect(counted).toBeGreaterThan(100);
  });
});
