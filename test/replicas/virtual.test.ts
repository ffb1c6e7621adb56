import { method } from "@tightbeam/core";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { during, loadParts, promptKey } from "../agents/clock.js";
import { createStage, goneAfter, type Settled, type Stage, shares, type Worker } from "./stage.js";

beforeAll(loadParts);

const stages: Stage[] = [];
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
});

async function open(workers: number, options: Parameters<typeof createStage>[0] = {}, seed = 1): Promise<{ stage: Stage; workers: Worker[] }> {
  const stage = await createStage(options, seed);
  stages.push(stage);
  const list: Worker[] = [];
  for (let index = 0; index < workers; index++) list.push(await stage.worker());
  return { stage, workers: list };
}

const instances = (workers: readonly Worker[]): Set<string> => new Set(workers.map(({ agent }) => agent.instance));
const linked = ({ caller }: Stage): Set<string> => new Set(caller.links("worker").map(({ peer }) => peer.instance));
const longest = (settled: readonly Settled[]): number => Math.max(0, ...settled.map(({ ms }) => ms));

/** A stage whose caller has a link with every worker. */
async function spread(count: number, options: Parameters<typeof createStage>[0] = {}, seed = 1) {
  const made = await open(count, options, seed);
  await made.stage.load(-400, 400, 2);
  expect(linked(made.stage)).toEqual(instances(made.workers));
  await made.stage.runtime.advance(100);
  expect(made.stage.settled.every(({ error }) => error === undefined)).toBe(true);
  made.stage.settled.length = 0;
  for (const worker of made.workers) worker.ran.length = 0;
  return made;
}

describe("requests to an agent of several instances", () => {
  test("go to all of them, in about equal shares, soon after they overlap", async () => {
    const { stage, workers } = await open(4);
    await stage.load(0, 500, 2);
    expect(linked(stage)).toEqual(instances(workers));
    stage.settled.length = 0;
    await stage.load(500, 1_000, 2);
    const counts = shares(stage.settled);
    for (const { agent } of workers) expect(counts.get(agent.instance)).toBeGreaterThan(200);
  });

  test("one after the other stay with one instance and make no other link", async () => {
    const { stage, workers } = await open(4);
    for (let n = 0; n < 100; n++) await during(stage.runtime, stage.caller.request("worker", "work", n), 5);
    expect(workers.map(({ ran }) => ran.length).sort((a, b) => a - b)).toEqual([0, 0, 0, 100]);
    expect(linked(stage).size).toBe(1);
  });

  test("go where the fewest are waiting: a slow instance gets less", async () => {
    const { stage, workers } = await spread(3);
    const slow = workers[0] as Worker;
    slow.work = 100;
    await stage.load(0, 600, 2);
    await stage.runtime.advance(300);
    const counts = shares(stage.settled);
    expect(counts.get(slow.agent.instance)).toBeLessThan(60);
    expect(stage.settled).toHaveLength(600);
  });

  test("a new instance gets its share within seconds", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { stage } = await spread(3, {}, seed);
      await stage.load(0, 4_000, 2);
      const late = await stage.worker();
      const came = stage.runtime.now;
      while (late.ran.length === 0 && stage.runtime.now - came < 30_000) await stage.load(0, 10, 2);
      // A round every 4 s and a quarter at the latest.
      expect(stage.runtime.now - came).toBeLessThan(5_500);
      stage.settled.length = 0;
      await stage.load(0, 400, 2);
      expect(shares(stage.settled).get(late.agent.instance)).toBeGreaterThan(60);
    }
  });

  test("a target with an instance is kept to", async () => {
    const { stage, workers } = await spread(3);
    const [one] = workers as [Worker];
    for (let n = 0; n < 50; n++) void stage.caller.request({ id: "worker", instance: one.agent.instance }, "work", n);
    await stage.runtime.advance(100);
    expect(workers.map(({ ran }) => ran.length)).toEqual([50, 0, 0]);
  });

  test("replicas may share one key or have their own: links and numbers are each one's own", async () => {
    for (const key of [await promptKey(), undefined]) {
      const { stage } = await open(0);
      const workers = [await stage.worker(key && { key }), await stage.worker(key && { key }), await stage.worker(key && { key })];
      await stage.load(0, 600, 2);
      await stage.runtime.advance(50);
      expect(linked(stage)).toEqual(instances(workers));
      expect(new Set(stage.caller.links("worker").map(({ peer }) => peer.thumbprint)).size).toBe(key === undefined ? 3 : 1);
      for (const { agent, ran } of workers) {
        const link = stage.caller.links("worker").find(({ peer }) => peer.instance === agent.instance);
        // And what each says of itself, once.
        expect(link?.status().counters.messagesSent).toBe(ran.length + 1);
        expect(link?.status().counters.messagesReceived).toBe(ran.length + 1);
      }
      expect(workers.flatMap(({ ran }) => ran).sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, n) => n));
    }
  });

  test("no more than 16 instances are sought", async () => {
    const { stage } = await open(20);
    await stage.load(0, 1_500, 1);
    expect(linked(stage).size).toBe(16);
  });
});

describe("TM-69 an instance that falls silent", () => {
  test("is suspect within about a second; new requests go to the living ones, which nothing disturbs", async () => {
    const { stage, workers } = await spread(4);
    const dead = workers[1] as Worker;
    const link = stage.caller.links("worker").find(({ peer }) => peer.instance === dead.agent.instance);
    dead.silent = true;
    const since = stage.runtime.now;
    let n = 0;
    while (link?.state === "up") await stage.load(n++, 1, 2);
    const suspectAfter = stage.runtime.now - since;
    expect(suspectAfter).toBeGreaterThanOrEqual(1_000);
    expect(suspectAfter).toBeLessThan(1_100);
    const before = n;
    await stage.load(before, 1_000, 2);
    await stage.runtime.advance(goneAfter + 1_000);
    const later = stage.settled.filter((one) => one.n >= before);
    expect(later).toHaveLength(1_000);
    expect(later.every(({ error }) => error === undefined)).toBe(true);
    expect(longest(later)).toBeLessThan(50);
    // With the fewest waiting first, the silent one caught only as many as the others had waiting.
    const stuck = stage.settled.filter(({ error }) => error !== undefined);
    expect(stuck.length).toBeGreaterThan(0);
    expect(stuck.length).toBeLessThan(10);
    expect(new Set(stuck.map(({ by }) => by))).toEqual(new Set(["delivery_unknown"]));
    expect(longest(stuck)).toBeLessThan(goneAfter + 300);
    expect(linked(stage).has(dead.agent.instance)).toBe(false);
    expect(stage.settled).toHaveLength(before + 1_000);
  });

  test("is noticed while it only owes replies, and nothing is being sent", async () => {
    const { stage, workers } = await spread(2);
    for (const worker of workers) worker.work = 60_000;
    await stage.load(0, 4, 1);
    await stage.runtime.advance(100);
    expect(workers.map(({ ran }) => ran.length)).toEqual([2, 2]);
    (workers[0] as Worker).silent = true;
    await stage.runtime.advance(1_700);
    expect(
      stage.caller
        .links("worker")
        .map(({ state }) => state)
        .sort(),
    ).toEqual(["suspect", "up"]);
    await stage.runtime.advance(1_300);
    expect([...shares(stage.settled)]).toEqual([["delivery_unknown", 2]]);
  });

  test("G-13 what carries a key or is declared idempotent goes to a living one, with the same key, and has one result", async () => {
    const { stage, workers } = await spread(4);
    const dead = workers[0] as Worker;
    const keys: (string | undefined)[] = [];
    for (const { agent } of workers) {
      agent.handle("keyed", async (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        await new Promise<void>((resolve) => stage.runtime.timers.after(20, resolve));
        return agent.instance;
      });
    }
    const safe = method("keyed", { idempotent: true });
    const plain = method("keyed");
    dead.silent = true;
    for (let n = 0; n < 30; n++) {
      if (n % 3 === 0) stage.ask(n, {}, safe);
      else stage.ask(n, n % 3 === 1 ? { idempotencyKey: `key-${n}` } : {}, plain);
    }
    await stage.runtime.advance(goneAfter + 500);
    expect(stage.settled).toHaveLength(30);
    const failed = stage.settled.filter(({ error }) => error !== undefined);
    expect(failed.every(({ n, by }) => n % 3 === 2 && by === "delivery_unknown")).toBe(true);
    // A quarter waited on the silent one; those that may go elsewhere went.
    expect(failed.length).toBeGreaterThan(0);
    expect(stage.moved.length).toBeGreaterThan(3);
    expect([7, 8]).toContain(stage.moved.length + failed.length);
    const given = keys.filter((key) => key !== undefined);
    expect(new Set(given).size).toBe(10);
    expect(given).toHaveLength(10);
    // The one that was silent speaks again: its link is over, and what it still says is dropped and counted.
    dead.silent = false;
    await stage.runtime.advance(20_000);
    expect(stage.settled).toHaveLength(30);
    expect(stage.caller.status().handshakes.refused.no_session).toBeGreaterThan(0);
  });

  test("G-12 and speaks again before it is gone is used again; nothing was sent twice, everything is answered", async () => {
    const { stage, workers } = await spread(3);
    const mute = workers[2] as Worker;
    mute.silent = true;
    await stage.load(0, 750, 2, (n) => ({ idempotencyKey: `k${n}` }));
    expect(
      stage.caller
        .links("worker")
        .map(({ state }) => state)
        .sort(),
    ).toEqual(["suspect", "up", "up"]);
    mute.silent = false;
    await stage.load(750, 500, 2);
    await stage.runtime.advance(200);
    expect(stage.settled).toHaveLength(1_250);
    expect(stage.settled.every(({ error }) => error === undefined)).toBe(true);
    expect(stage.caller.links("worker").map(({ state }) => state)).toEqual(["up", "up", "up"]);
    expect(shares(stage.settled.filter(({ n }) => n >= 1_000)).get(mute.agent.instance)).toBeGreaterThan(40);
    expect(stage.moved).toEqual([]);
    expect(workers.flatMap(({ ran }) => ran).sort((a, b) => a - b)).toEqual(Array.from({ length: 1_250 }, (_, n) => n));
  });

  test("that was the only one with a link: a request waits no longer than another instance needs to answer", async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { stage, workers } = await open(4, {}, seed);
      const first = await during(stage.runtime, stage.caller.request("worker", "work", 0), 5);
      const only = workers.find(({ agent }) => agent.instance === first) as Worker;
      only.silent = true;
      stage.ask(1);
      await stage.runtime.advance(1_100);
      expect(stage.caller.links("worker").map(({ state }) => state)).toEqual(["suspect"]);
      stage.ask(2);
      await stage.runtime.advance(200);
      expect(stage.settled).toEqual([expect.objectContaining({ n: 2, error: undefined })]);
      expect(longest(stage.settled)).toBeLessThan(200);
    }
  });

  test("and was the last: with a key the request waits for a new process, for as long as it has time", async () => {
    const { stage, workers } = await spread(1);
    (workers[0] as Worker).silent = true;
    stage.ask(1, { idempotencyKey: "a", timeout: 20_000 });
    stage.ask(2, { idempotencyKey: "b", timeout: 4_000 });
    stage.ask(3, { timeout: 20_000 });
    await stage.runtime.advance(5_000);
    expect(stage.settled.map(({ n, by }) => [n, by])).toEqual([
      [3, "delivery_unknown"],
      [2, "delivery_unknown"],
    ]);
    expect(stage.settled.map(({ error }) => error?.idempotencyKey)).toEqual([undefined, "b"]);
    expect(stage.settled[1]?.ms).toBe(4_000);
    const fresh = await stage.worker();
    await stage.runtime.advance(14_000);
    expect(stage.settled.slice(2).map(({ n, by }) => [n, by])).toEqual([[1, fresh.agent.instance]]);
    expect(fresh.ran).toEqual([1]);
  });

  test("one after the other: a request goes elsewhere at most three times", async () => {
    const { stage, workers } = await spread(5);
    for (const worker of workers) worker.work = 60_000;
    stage.ask(1, { idempotencyKey: "a", timeout: 60_000 });
    for (let round = 0; round < 5; round++) {
      await stage.runtime.advance(100);
      const busy = workers.filter(({ ran }) => ran.includes(1)).at(-1) as Worker;
      expect(busy.silent).toBe(false);
      busy.silent = true;
      workers.push(...workers.splice(workers.indexOf(busy), 1));
      await stage.runtime.advance(goneAfter + 600);
      if (stage.settled.length > 0) break;
      workers.sort((a, b) => Number(a.ran.includes(1) && !a.silent) - Number(b.ran.includes(1) && !b.silent));
    }
    expect(stage.settled.map(({ by }) => by)).toEqual(["delivery_unknown"]);
    expect(workers.filter(({ ran }) => ran.includes(1))).toHaveLength(4);
  });

  test("what named this very instance is not moved", async () => {
    const { stage, workers } = await spread(2);
    const [one] = workers as [Worker];
    one.silent = true;
    const error = await during(
      stage.runtime,
      stage.caller.request({ id: "worker", instance: one.agent.instance }, "work", 1, { idempotencyKey: "k" }).then(
        () => undefined,
        (thrown: { code: string; idempotencyKey: string }) => thrown,
      ),
    );
    expect([error?.code, error?.idempotencyKey]).toEqual(["delivery_unknown", "k"]);
    expect(stage.moved).toEqual([]);
  });

  test("what has a key goes elsewhere whole, however large, after its first instance had all of it", async () => {
    const { stage, workers } = await spread(2);
    const [one, two] = workers as [Worker, Worker];
    const ran: number[] = [];
    one.agent.handle("sum", () => new Promise(() => undefined));
    two.agent.handle("sum", (input) => {
      const sum = (input as Uint8Array).reduce((total, byte) => total + byte, 0);
      ran.push(sum);
      return sum;
    });
    const asked = Array.from({ length: 4 }, (_, n) => stage.caller.request("worker", "sum", new Uint8Array(100_000).fill(1), { idempotencyKey: `k${n}` }));
    await stage.runtime.advance(1_000);
    one.silent = true;
    expect(await during(stage.runtime, Promise.all(asked))).toEqual([100_000, 100_000, 100_000, 100_000]);
    expect(ran).toHaveLength(4);
    expect(stage.moved.length).toBeGreaterThan(0);
  });

  test("what had not left goes elsewhere whatever it is: it cannot have run", async () => {
    const { stage, workers } = await spread(2);
    const [one] = workers as [Worker];
    one.silent = true;
    // More than the window takes: most of it never leaves.
    const large = new Uint8Array(200_000);
    for (const { agent } of workers) agent.handle("size", (input) => (input as Uint8Array).length);
    const sizes = Array.from({ length: 20 }, () =>
      stage.caller.request("worker", "size", large).then(
        (size) => String(size),
        (error: { code: string }) => error.code,
      ),
    );
    const outcomes = await during(stage.runtime, Promise.all(sizes));
    expect(new Set(outcomes)).toEqual(new Set(["200000"]));
    expect(stage.moved.length).toBeGreaterThan(5);
  });
});

describe("an instance that closes and drains", () => {
  test("takes nobody anything: what it refuses, others do, whatever it is, and nothing runs twice", async () => {
    const { stage, workers } = await spread(4);
    const [leaver] = workers as [Worker];
    for (const worker of workers) worker.work = 40;
    await stage.load(0, 100, 2);
    const closing = leaver.agent.close({ drain: 5_000 });
    await stage.load(100, 500, 2);
    await closing;
    await stage.runtime.advance(500);
    expect(stage.settled).toHaveLength(600);
    expect(stage.settled.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(workers.flatMap(({ ran }) => ran).sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, n) => n));
    expect(stage.moved.length).toBeGreaterThan(0);
    expect(longest(stage.settled)).toBeLessThan(200);
    expect(linked(stage).has(leaver.agent.instance)).toBe(false);
  });

  test("and was the only one with a link: the next request finds another", async () => {
    const { stage, workers } = await open(3);
    const first = await during(stage.runtime, stage.caller.request("worker", "work", 0), 5);
    const leaver = workers.find(({ agent }) => agent.instance === first) as Worker;
    leaver.work = 3_000;
    stage.ask(1);
    await stage.runtime.advance(50);
    void leaver.agent.close({ drain: 10_000 });
    stage.ask(2);
    await stage.runtime.advance(100);
    expect(stage.settled.map(({ n, error }) => [n, error])).toEqual([[2, undefined]]);
    await stage.runtime.advance(4_000);
    expect(stage.settled.map(({ n, by }) => [n, by])[1]).toEqual([1, leaver.agent.instance]);
  });

  test("and is alone: its refusal arrives, after a second's look for another; a large request's at once", async () => {
    const { stage, workers } = await open(1);
    const [only] = workers as [Worker];
    await during(stage.runtime, stage.caller.link("worker"));
    only.work = 5_000;
    stage.ask(1);
    await stage.runtime.advance(50);
    void only.agent.close({ drain: 10_000 });
    stage.ask(2);
    const large = stage.caller.request("worker", "work", "x".repeat(20_000)).then(
      () => "answered",
      (error: { code: string }) => error.code,
    );
    expect(await during(stage.runtime, large)).toBe("overloaded");
    expect(stage.settled).toEqual([]);
    await stage.runtime.advance(1_100);
    expect(stage.settled.map(({ n, by }) => [n, by])).toEqual([[2, "overloaded"]]);
    await stage.runtime.advance(5_000);
    expect(stage.settled.map(({ n, by }) => [n, by])[1]).toEqual([1, only.agent.instance]);
  });
});

describe("notifications", () => {
  test("stay in order with the instance linked first; another takes over; none is sent twice", async () => {
    const { stage, workers } = await spread(3);
    const notes = new Map<string, number[]>();
    for (const { agent } of workers) {
      agent.handle("note", (input) => {
        const list = notes.get(agent.instance) ?? [];
        notes.set(agent.instance, [...list, input as number]);
      });
    }
    const outcomes: string[] = [];
    const note = (n: number): void =>
      void stage.caller.notify("worker", "note", n, { confirm: "received" }).then(
        () => outcomes.push("received"),
        (error: { code: string }) => outcomes.push(error.code),
      );
    for (let n = 0; n < 100; n++) note(n);
    await stage.runtime.advance(50);
    expect([...notes.values()]).toEqual([Array.from({ length: 100 }, (_, n) => n)]);
    const first = workers.find(({ agent }) => notes.has(agent.instance)) as Worker;
    first.silent = true;
    for (let n = 100; n < 110; n++) note(n);
    await stage.runtime.advance(1_100);
    for (let n = 110; n < 200; n++) note(n);
    await stage.runtime.advance(goneAfter + 500);
    expect(notes.size).toBe(2);
    expect([...notes.values()][1]).toEqual(Array.from({ length: 90 }, (_, index) => 110 + index));
    expect(outcomes.filter((code) => code === "delivery_unknown")).toHaveLength(10);
    expect(outcomes.filter((code) => code === "received")).toHaveLength(190);
  });
});
