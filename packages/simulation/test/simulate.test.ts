import { setTimeout as realTime } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { conversation, type Fault, type Program, SimulationFailure, simulate } from "../src/index.js";

const answering: Program = async ({ createAgent }) => {
  const agent = await createAgent();
  agent.handle("echo", (input) => input);
};
const asking: Program = async ({ createAgent }) => {
  const agent = await createAgent();
  await agent.request("bob", "echo", "hello");
};
const agents = { bob: answering, alice: asking };
const crash: Fault = { kind: "crash", agent: "bob", at: 50, for: 500 };
const jump: Fault = { kind: "jump", agent: "alice", at: 10, by: 1_000 };
const drift: Fault = { kind: "drift", agent: "bob", at: 20, for: 100, rate: 1.1 };

describe("simulate", () => {
  it("runs agents until everything has settled, and says what happened", async () => {
    const { violations, trace, drainedAt, hash } = await simulate({ seed: 1, agents, faults: [], duration: 1_000 });
    expect(violations).toEqual([]);
    expect(drainedAt).toBe(1_000);
    expect(
      trace
        .filter(({ type }) => type === "started" || type === "handling" || type === "handled" || type === "settled")
        .map(({ agent, type }) => `${agent} ${type}`),
    ).toEqual(["alice started", "bob handling", "bob handled", "alice settled"]);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("gives the same trace for the same seed, and another for another", async () => {
    const hash = async (seed: number) => (await simulate({ ...conversation(seed), seed, twice: true })).hash;
    const first = await hash(11);
    expect(await hash(11)).toBe(first);
    expect(await hash(12)).not.toBe(first);
  });

  it("says when a program waits for something from outside", async () => {
    const outside: Program = async (place) => {
      place.note("chance", Math.random());
    };
    await expect(simulate({ seed: 1, agents: { alice: outside }, faults: [], twice: true })).rejects.toThrow("deterministic: the second run differs");
    const waiting: Program = () => realTime(60_000, undefined, { ref: false });
    await expect(simulate({ seed: 1, agents: { alice: waiting }, faults: [], drain: 10 })).rejects.toThrow("not everything had come to its end");
  });

  it("rejects with the fewest faults it needs, and what to run to see it again", async () => {
    const check = ({ trace }: { trace: readonly { type: string; what?: string }[] }) =>
      trace.some(({ what }) => what === "crashed") ? "somebody crashed" : undefined;
    const failure = await simulate({ seed: 9, agents, faults: [jump, crash, drift], duration: 1_000, check }).catch(
      (error: unknown) => error as SimulationFailure,
    );
    if (!(failure instanceof SimulationFailure)) throw new Error("it held");
    expect(failure.faults).toEqual([{ ...crash, id: 1 }]);
    expect(failure.violations).toEqual([{ invariant: "check", text: "somebody crashed" }]);
    expect(failure.message).toBe(
      [
        "Seed 9, with 1 of 3 faults, agents bob, alice:",
        "  check: somebody crashed",
        "Faults:",
        "  #1 crash bob, 50 to 550 ms",
        'Again: simulate({ ...the same agents and check, "seed":9,"duration":1000,"faults":[{"kind":"crash","agent":"bob","at":50,"for":500,"id":1}]})',
      ].join("\n"),
    );
    await expect(simulate({ seed: 9, agents, faults: failure.faults, duration: 1_000, check })).rejects.toThrow("somebody crashed");
  });

  it("starts a program again after a crash, knows how often, and heals what is left at the end of the first phase", async () => {
    const starts: string[] = [];
    const program: Program = (place) => {
      starts.push(`${place.name} ${place.incarnation} at ${place.now}`);
    };
    await simulate({
      seed: 1,
      agents: { alice: program },
      faults: [
        { ...crash, agent: "alice" },
        { ...crash, agent: "alice", at: 900, for: 5_000 },
      ],
      duration: 1_000,
    });
    expect(starts).toEqual(["alice 0 at 0", "alice 1 at 550", "alice 2 at 1000"]);
  });

  it("notices a program that fails, an operation that is left, and a check that throws", async () => {
    const failing: Program = () => {
      throw new TypeError("broken");
    };
    await expect(simulate({ seed: 1, agents: { alice: failing }, faults: [] })).rejects.toThrow("programs: alice/0 failed: TypeError: broken");
    const asks: Program = async ({ createAgent }) => void (await (await createAgent()).request("bob", "work"));
    const fails: Program = async ({ createAgent }) =>
      void (await createAgent()).handle("work", () => {
        throw new RangeError("out of stock");
      });
    await expect(simulate({ seed: 1, agents: { alice: asks, bob: fails }, faults: [] })).rejects.toThrow('RangeError","message":"out of stock');
    const leaving: Program = async ({ createAgent }) => void (await createAgent()).request("nobody", "x", 1, { timeout: 50_000 }).catch(() => undefined);
    await expect(simulate({ seed: 1, agents: { alice: leaving }, faults: [], drain: 1_000 })).rejects.toThrow("did not settle");
    await expect(simulate({ seed: 1, agents, faults: [], check: () => expect(1, "mine").toBe(2) })).rejects.toThrow("check: mine");
  });

  it("leaves out an invariant that is told to be left out, and finds a payload that is not to be seen", async () => {
    const talkative: Program = async ({ createAgent }) => {
      const agent = await createAgent();
      agent.handle("x", () => undefined);
      // A method's name is in the event of its failure, which is a log.
      await agent.request("bob", "told-the-secret-number").catch(() => undefined);
    };
    const leaky: Program = async ({ createAgent }) => {
      const agent = await createAgent();
      agent.handle("told-the-secret-number", () => {
        throw new Error("the-secret-payload");
      });
    };
    const options = { seed: 1, agents: { bob: leaky, alice: talkative }, faults: [], secrets: ["the-secret-payload"] };
    await expect(simulate(options)).rejects.toThrow("secrecy");
    await simulate({ ...options, without: ["secrecy"] });
  });

  it("refuses what is no simulation", async () => {
    for (const wrong of [
      { seed: -1, agents },
      { seed: 0.5, agents },
      { seed: 1, agents: {} },
      { seed: 1, agents, duration: -1 },
      { seed: 1, agents, drain: 0.5 },
    ])
      await expect(simulate(wrong)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

describe("each kind of fault, by itself", () => {
  const frames = ["drop", "duplicate", "delay", "reorder", "truncate", "flip", "replay", "splice"] as const;
  const during = { at: 0, for: 3_000 };
  const faults: readonly Fault[] = [
    ...frames.map((kind): Fault => ({ kind, from: "*", to: "*", probability: 0.3, ms: 300, ...during })),
    { kind: "partition", from: "alice", to: "bob", at: 500, for: 2_000 },
    { kind: "oneWay", from: "alice", to: "bob", at: 500, for: 2_000 },
    { kind: "cut", agent: "alice", at: 500, for: 2_000 },
    { kind: "flap", agent: "bob", ms: 100, ...during },
    { kind: "crash", agent: "bob", at: 1_000, for: 500 },
    { kind: "pause", agent: "alice", at: 1_000, for: 1_000 },
    { kind: "jump", agent: "alice", at: 1_000, by: -500_000 },
    { kind: "drift", agent: "alice", rate: 0.8, ...during },
    { kind: "full", agent: "bob", at: 500, for: 1_000 },
    { kind: "torn", agent: "alice", at: 500, for: 1_000 },
    { kind: "fsync", agent: "bob", at: 500, for: 1_000 },
    { kind: "rot", agent: "alice", at: 1_000 },
    { kind: "header", agent: "bob", at: 500 },
  ];
  it.each(faults.map((fault) => [fault.kind, fault] as const))("%s: everything holds", async (_, fault) => {
    for (const seed of [1, 2, 3]) await simulate({ ...conversation(seed), seed, faults: [fault] });
  });
});

it("a store whose header was damaged is refused with its typed error, and its agent stays away", async () => {
  const codes: unknown[] = [];
  const keeping: Program = async ({ createAgent, disk, sleep, incarnation }) => {
    const opened = await createAgent({ store: disk.open(), storeKey: disk.key }).catch((error: { code?: unknown }) => error.code);
    if (typeof opened === "string") codes.push(`${incarnation} ${opened}`);
    await sleep(10);
  };
  const faults: readonly Fault[] = [
    { kind: "header", agent: "bob", at: 100 },
    { ...crash, at: 200, for: 100 },
    { ...crash, at: 400, for: 100 },
  ];
  for (let seed = 0; seed < 12; seed++) {
    const { violations } = await simulate({ seed, agents: { bob: keeping }, faults, duration: 1_000 });
    expect(violations).toEqual([]);
    const [first, second] = codes.splice(0);
    // A bit of the format's number may say that a newer version wrote it.
    expect(first).toMatch(/^1 store_(?:damaged|too_new)$/);
    expect(second).toBe(String(first).replace("1", "2"));
  }
});
