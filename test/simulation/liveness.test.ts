import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { type Fault, type Program, simulate } from "@tightbeam/simulation";
import { expect, it } from "vitest";

const seeds = 40;
const duration = 12_000;
/** A probe and what it finds lost, a few times over; a process may have stood still shortly before. */
const settledWithin = 3_000;
const both = ["alice", "bob"] as const;

/** One frame in five lost, some doubled, late and out of order; agents cut off and processes stopped, now and then or most of the time. */
function faultsOf(seed: number): Fault[] {
  const { random } = createVirtualRuntime({ seed });
  const between = (from: number, to: number): number => Math.round(from + ((random.bytes(1)[0] as number) / 256) * (to - from));
  const always = { from: "*", to: "*", at: 0, for: duration } as const;
  const faults: Fault[] = [
    { kind: "drop", probability: 0.2, ...always },
    { kind: "duplicate", probability: 0.1, ...always },
    { kind: "delay", probability: 1, ms: between(1, 60), ...always },
    { kind: "reorder", probability: 0.1, ms: between(1, 60), ...always },
  ];
  const nowAndThen = (kind: "cut" | "pause", most: number, apart: number): void => {
    for (let at = between(20, apart); at + most < duration; at += between(apart / 3, apart)) {
      const agents = both.filter(() => between(0, 10) < 7);
      const lasts = between(10, most);
      for (const agent of agents) faults.push({ kind, agent, at, for: lasts });
      at += lasts;
    }
  };
  nowAndThen("cut", 50, 1_500);
  if (between(0, 2) > 0) nowAndThen("pause", between(50, 800), between(100, 1_000));
  return faults;
}

it("G-01 two that ask each other, nested, are answered whatever happens to frames, transports and processes: nothing stands still", {
  timeout: 240_000,
}, async () => {
  for (let seed = 0; seed < seeds; seed++) {
    let waiting = 0;
    let last = 0;
    const wrong: string[] = [];
    const asking =
      (other: string): Program =>
      async (place) => {
        const agent = await place.createAgent();
        const ask = (depth: number): Promise<unknown> => agent.request(other, "down", depth, { timeout: 200_000 });
        agent.onEvent((event) => void (event.type === "link_ended" && wrong.push(`${place.now}: the link of ${place.name} ended: ${event.error.message}`)));
        agent.handle("down", (depth) => (depth === 0 ? "end" : ask((depth as number) - 1)));
        while (place.now < place.healedAt) {
          for (let number = 0; number < 8; number++) {
            waiting++;
            void ask(4)
              .catch((error: unknown) => wrong.push(`${place.now}: ${place.name} was told ${error}`))
              .finally(() => {
                waiting--;
                last = place.now;
              });
          }
          await place.sleep(place.chance.between(0, 2_000));
        }
      };
    await simulate({ seed, agents: { alice: asking("bob"), bob: asking("alice") }, faults: faultsOf(seed), duration, drain: 200_000 });
    expect({ seed, waiting, wrong, late: Math.max(0, Math.round(last - duration - settledWithin)) }).toEqual({ seed, waiting: 0, wrong: [], late: 0 });
  }
});
