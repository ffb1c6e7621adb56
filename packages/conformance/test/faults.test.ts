import { type FaultOptions, type FaultyTransport, injectFaults, testTransport } from "@tightbeam/conformance";
import { losslessRules, rules, runRules, type TransportEnv } from "@tightbeam/conformance/suite";
import { createVirtualRuntime, type VirtualRuntime } from "@tightbeam/core/runtime";
import { address, type StateChange } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { describe, expect, it } from "vitest";
import { memoryEnv } from "../../memory/test/env.js";

const at = address("inbox", "b", "test");
const frame = (value: number, bytes = 4) => {
  const one = new Uint8Array(bytes);
  new DataView(one.buffer).setUint32(0, value);
  return one;
};
const numberOf = (one: Uint8Array) => new DataView(one.buffer, one.byteOffset, one.byteLength).getUint32(0);

async function setUp(options: Omit<FaultOptions, "runtime" | "seed"> & { seed?: number } = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const hub = createHub({ runtime });
  const sender = injectFaults(await connectMemory(hub), { seed: 7, runtime, ...options });
  const receiver = injectFaults(await connectMemory(hub), { seed: 8, runtime });
  const got: Uint8Array[] = [];
  await receiver.subscribe(at, (one) => void got.push(one));
  return { runtime, hub, sender, receiver, got };
}

async function sendMany(sender: FaultyTransport, runtime: VirtualRuntime, count: number, bytes = 4) {
  for (let i = 0; i < count; i += 1) {
    void sender.send(at, frame(i, bytes));
    if (i % 100 === 99) runtime.advanceSync(1);
  }
  await runtime.advance(1_000);
}

const env = (faults: FaultOptions, base: TransportEnv): TransportEnv => {
  let seed = faults.seed;
  return { ...base, connect: async (id) => injectFaults(await base.connect(id), { ...faults, seed: seed++ }) };
};
/** A medium that cannot be cut, cut by the injector. */
const cutByInjector = (): TransportEnv => {
  const base = memoryEnv();
  const all: FaultyTransport[] = [];
  return {
    async connect(id) {
      const one = injectFaults(await base.connect(id), { seed: 1 });
      all.push(one);
      return one;
    },
    cut() {
      for (const one of all) one.cut();
    },
    restore() {
      for (const one of all) one.restore();
    },
    close: base.close,
  };
};

testTransport({ name: "memory with an idle injector", create: () => env({ seed: 1 }, memoryEnv()), settleMs: 5 });
testTransport({ name: "memory cut by the injector", create: cutByInjector, settleMs: 5 });
testTransport({ name: "memory with 1 ms of delay", create: () => env({ seed: 1, delay: { min: 1, max: 1 } }, memoryEnv()), settleMs: 15 });

describe("with faults on", () => {
  const faults = { seed: 3, drop: 0.2, duplicate: 0.1, reorder: { probability: 0.2, depth: 50 }, delay: { min: 0, max: 3 }, truncate: 0.02, flip: 0.02 };

  it("every rule that a lossy medium can keep holds", async () => {
    const judged = rules.filter(({ id }) => !losslessRules.includes(id));
    const results = await runRules({ name: "faulty", create: () => env(faults, memoryEnv()), settleMs: 5 }, judged);
    expect(results.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    expect(judged.map(({ id }) => id)).toEqual([
      "T1/usable-at-once",
      "T1/comes-back",
      "T1/state-listeners",
      "T1/closed-is-terminal",
      "T2/close-settles",
      "T2/close-while-down",
      "T2/pending-rejects",
      "T3/nobody-listening",
      "T4/high-water-mark",
      "T5/not-inside-send",
    ]);
  });
});

describe("determinism", () => {
  const faults = { drop: 0.2, duplicate: 0.1, reorder: { probability: 0.1, depth: 50 }, delay: { min: 1, max: 20 }, truncate: 0.05, flip: 0.05 };
  const play = async (seed: number) => {
    const { runtime, sender, got } = await setUp({ seed, ...faults });
    await sendMany(sender, runtime, 1_000, 32);
    return { trace: sender.trace, counters: sender.counters, got: got.map((one) => one.join()) };
  };

  it("gives the same decisions and the same arrivals for the same seed, others for another", async () => {
    const [one, again, other] = [await play(1), await play(1), await play(2)];
    expect(again).toEqual(one);
    expect(other.trace).not.toEqual(one.trace);
    expect(other.got).not.toEqual(one.got);
  });

  it("leaves the other decisions alone when one fault changes", async () => {
    const decisions = async (truncate: number) => {
      const { runtime, sender } = await setUp({ ...faults, truncate });
      await sendMany(sender, runtime, 500, 32);
      return sender.trace.map(({ dropped, copies, behind, delay }) => ({ dropped, copies, behind, delay }));
    };
    expect(await decisions(0)).toEqual(await decisions(0.9));
  });
});

describe("rates", () => {
  const count = 20_000;
  /** Five standard deviations. */
  const near = (hits: number, probability: number, of = count) =>
    expect(Math.abs(hits - probability * of)).toBeLessThan(5 * Math.sqrt(of * probability * (1 - probability)));

  it("are near the ones asked for", async () => {
    const { runtime, sender } = await setUp({ drop: 0.2, duplicate: 0.1, reorder: { probability: 0.05, depth: 50 }, truncate: 0.02, flip: 0.01 });
    await sendMany(sender, runtime, count, 8);
    const { sent, dropped, duplicated, reordered, truncated, flipped, overflowed, cut } = sender.counters;
    expect([sent, overflowed, cut]).toEqual([count, 0, 0]);
    near(dropped, 0.2);
    near(duplicated, 0.1 * 0.8);
    near(reordered, 0.05 * 0.8);
    near(truncated, 0.02);
    near(flipped, 0.01 * (1 - 0.02 / 8));
  });

  it("add up: what arrives is what was sent, less the dropped, plus the doubled", async () => {
    const { runtime, sender, got } = await setUp({ drop: 0.2, duplicate: 0.1, reorder: { probability: 0.1, depth: 50 } });
    await sendMany(sender, runtime, 5_000);
    const { dropped, duplicated } = sender.counters;
    expect(got.length).toBe(5_000 - dropped + duplicated);
  });
});

describe("each fault", () => {
  it("drop loses every frame at 1 and send still resolves", async () => {
    const { runtime, sender, got } = await setUp({ drop: 1 });
    await sender.send(at, frame(1));
    await runtime.advance(1_000);
    expect(got).toEqual([]);
  });

  it("duplicate sends twice", async () => {
    const { runtime, sender, got } = await setUp({ duplicate: 1 });
    await sendMany(sender, runtime, 3);
    expect(got.map(numberOf)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it("reorder lets up to depth frames pass, loses none, and gives up after 20 ms", async () => {
    const { runtime, sender, got } = await setUp({ reorder: { probability: 0.2, depth: 10 } });
    await sendMany(sender, runtime, 2_000);
    const arrived = got.map(numberOf);
    expect(arrived.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
    expect(arrived).not.toEqual(arrived.toSorted((x, y) => x - y));
    // A frame that waits for 10 to pass also waits for those of them that wait themselves.
    expect(Math.max(...arrived.map((value, index) => Math.abs(value - index)))).toBeLessThanOrEqual(40);
    sender.set({ reorder: { probability: 1, depth: 1_000 } });
    got.length = 0;
    void sender.send(at, frame(1));
    await runtime.advance(19);
    expect(got.length).toBe(0);
    await runtime.advance(2);
    expect(got.length).toBe(1);
  });

  it("delay keeps the order and takes the time", async () => {
    const { runtime, sender, got } = await setUp({ delay: { min: 10, max: 50 } });
    for (let i = 0; i < 100; i += 1) void sender.send(at, frame(i));
    await runtime.advance(9);
    expect(got.length).toBe(0);
    await runtime.advance(50);
    expect(got.map(numberOf)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("truncate shortens by at least one byte and leaves the rest; flip changes exactly one bit; neither touches the caller's buffer", async () => {
    const { runtime, sender, got } = await setUp({ truncate: 1 });
    const sent = Uint8Array.from({ length: 32 }, (_, i) => i);
    for (let i = 0; i < 50; i += 1) void sender.send(at, sent);
    await runtime.advance(10);
    expect(got.length).toBe(50);
    for (const one of got) {
      expect(one.byteLength).toBeLessThan(32);
      expect(one).toEqual(sent.slice(0, one.byteLength));
    }
    sender.set({ truncate: 0, flip: 1 });
    got.length = 0;
    for (let i = 0; i < 50; i += 1) void sender.send(at, sent);
    await runtime.advance(10);
    const bits = got.map((one) => one.reduce((sum, byte, index) => sum + (byte ^ index).toString(2).replaceAll("0", "").length, 0));
    expect(bits).toEqual(Array.from({ length: 50 }, () => 1));
    expect(sent).toEqual(Uint8Array.from({ length: 32 }, (_, i) => i));
    await sender.send(at, new Uint8Array(0));
  });

  it("stall slows a receiver down", async () => {
    const { runtime, sender, receiver, got } = await setUp();
    receiver.set({ stall: { probability: 1, ms: 100 } });
    for (let i = 0; i < 3; i += 1) void sender.send(at, frame(i));
    await runtime.advance(250);
    expect(got.map(numberOf)).toEqual([0, 1]);
    await runtime.advance(100);
    expect(got.map(numberOf)).toEqual([0, 1, 2]);
    expect(receiver.counters.stalled).toBe(3);
  });

  it.each<[string, Omit<FaultOptions, "seed">]>([
    ["a probability above 1", { drop: 1.1 }],
    ["a negative probability", { flip: -0.1 }],
    ["NaN", { duplicate: Number.NaN }],
    ["a depth of 0", { reorder: { probability: 0.1, depth: 0 } }],
    ["a delay that ends before it begins", { delay: { min: 2, max: 1 } }],
    ["an endless stall", { stall: { probability: 1, ms: Number.POSITIVE_INFINITY } }],
  ])("%s is refused", async (_, faults) => {
    const transport = await connectMemory(createHub());
    expect(() => injectFaults(transport, { seed: 1, ...faults })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("controls", () => {
  it("cut takes this transport down and no other, loses what is on its way, and restore brings it back", async () => {
    const { runtime, sender, receiver, got } = await setUp({ delay: { min: 10, max: 10 } });
    const told: StateChange["type"][] = [];
    sender.state.subscribe(({ type }) => void told.push(type));
    void sender.send(at, frame(1));
    sender.cut();
    expect([sender.state.current, receiver.state.current]).toEqual(["down", "up"]);
    await expect(sender.send(at, frame(2))).rejects.toMatchObject({ code: "unavailable" });
    await runtime.advance(100);
    expect(got).toEqual([]);
    expect(sender.counters.cut).toBe(1);
    sender.restore();
    await sender.send(at, frame(3));
    await runtime.advance(100);
    expect(got.map(numberOf)).toEqual([3]);
    expect(told).toEqual(["down", "up"]);
  });

  it("a receiver that is cut hears nothing, and stays down while its medium is", async () => {
    const { runtime, hub, sender, receiver, got } = await setUp();
    receiver.cut();
    await sender.send(at, frame(1));
    await runtime.advance(10);
    expect([got.length, receiver.counters.cut]).toEqual([0, 1]);
    hub.cut();
    receiver.restore();
    expect(receiver.state.current).toBe("down");
    hub.restore();
    expect(receiver.state.current).toBe("up");
  });

  it("pause holds frames in the inbox and resume hands them over in order; unsubscribed or closed, they are gone", async () => {
    const { runtime, sender, receiver, got } = await setUp();
    const other = address("inbox", "b", "other");
    const more: number[] = [];
    const unsubscribe = await receiver.subscribe(other, (one) => void more.push(numberOf(one)));
    receiver.pause(at);
    for (let i = 0; i < 3; i += 1) for (const to of [at, other]) void sender.send(to, frame(i));
    await runtime.advance(10);
    expect([got.length, more.length]).toEqual([0, 3]);
    receiver.resume(at);
    await runtime.advance(10);
    expect(got.map(numberOf)).toEqual([0, 1, 2]);
    receiver.pause();
    for (const to of [at, other]) void sender.send(to, frame(9));
    await runtime.advance(10);
    await unsubscribe();
    receiver.resume();
    await runtime.advance(10);
    expect([got.length, more.length]).toEqual([4, 3]);
    receiver.pause();
    void sender.send(at, frame(10));
    await runtime.advance(10);
    await receiver.close();
    await runtime.advance(10);
    expect(got.length).toBe(4);
  });

  it("holds a bounded amount, and makes a sender that awaits wait", async () => {
    const { runtime, sender, got } = await setUp({ delay: { min: 100, max: 100 } });
    let settled = 0;
    for (let i = 0; i < 40; i += 1) void sender.send(at, frame(i, 1024 * 1024)).then(() => settled++);
    await Promise.resolve();
    await Promise.resolve();
    expect(sender.counters.overflowed).toBe(25);
    expect(settled).toBe(0);
    await runtime.advance(200);
    expect(settled).toBe(40);
    // The receiver's inbox holds 4 MiB.
    expect(got.length).toBeGreaterThan(0);
  });

  it("a sender that awaits waits for the medium behind the delay, too", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const medium = await connectMemory(createHub({ runtime }));
    let takesMore = () => {};
    const full = new Promise<void>((resolve) => {
      takesMore = resolve;
    });
    let given = 0;
    const send = () => {
      given += 1;
      return full;
    };
    const sender = injectFaults({ ...medium, send }, { seed: 1, runtime, delay: { min: 1, max: 1 } });
    const sending = (async () => {
      for (let i = 0; i < 200; i += 1) await sender.send(at, frame(i, 16 * 1024));
    })();
    await runtime.advance(1_000);
    expect(given).toBe(64);
    takesMore();
    await runtime.advance(1_000);
    await sending;
    expect(given).toBe(200);
  });

  it("close sends what is held first, and ends with the transport it wraps", async () => {
    const { runtime, hub, sender, receiver, got } = await setUp({ delay: { min: 1_000, max: 1_000 } });
    void sender.send(at, frame(1));
    await sender.close();
    await runtime.advance(10);
    expect(got.map(numberOf)).toEqual([1]);
    expect(sender.state.current).toBe("down");
    await expect(sender.send(at, frame(2))).rejects.toMatchObject({ code: "closed" });
    hub.close();
    expect(await receiver.closed).toMatchObject({ code: "closed" });
    expect(receiver.state.current).toBe("down");
  });

  it("keeps a bounded trace", async () => {
    const { sender } = await setUp({ drop: 1 });
    for (let i = 0; i < 25_000; i += 1) void sender.send(at, frame(i));
    expect(sender.trace.length).toBe(10_000);
    expect(sender.trace.at(-1)?.frame).toBe(24_999);
  });
});
