import { beforeAll, describe, expect, test } from "vitest";
import { createDisk } from "../../packages/core/test/store/disk.js";
import { during, loadParts } from "./clock.js";
import { createPlace, storeKey } from "./mortal-place.js";

beforeAll(async () => {
  await loadParts();
  await import("../../packages/core/src/patterns/idempotency/keyed.js");
  await import("../../packages/core/src/patterns/dead-letters/dead-letters.js");
  await import("../../packages/core/src/store/state.js");
  await import("../../packages/core/src/patterns/admission/guards.js");
  await import("../../packages/core/src/patterns/durable/durable.js");
});

describe("requests with an idempotency key", () => {
  test("G-85 a request that is repeated over another link gets the reply of the one whose answer was lost", async () => {
    const place = await createPlace(21);
    const { runtime, dead } = place;
    const alice = await place.join("alice");
    const bob = await place.join("bob");
    let runs = 0;
    alice.agent.handle("pay", async (amount) => {
      runs++;
      await new Promise<void>((resolve) => runtime.timers.after(500, resolve));
      return { amount, runs };
    });
    await during(runtime, bob.agent.link("alice"));
    const first = bob.agent.request("alice", "pay", 5, { idempotencyKey: "invoice-1", timeout: 20_000 });
    first.catch(() => undefined);
    await runtime.advance(100);
    dead.add("alice");
    await runtime.advance(30_000);
    await expect(first).rejects.toMatchObject({ code: expect.stringMatching(/delivery_unknown|no_answer|timeout/) });
    dead.clear();
    expect(await during(runtime, bob.agent.request("alice", "pay", 5, { idempotencyKey: "invoice-1" }))).toEqual({ amount: 5, runs: 1 });
    await expect(during(runtime, bob.agent.request("alice", "pay", 6, { idempotencyKey: "invoice-1" }))).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
    expect(runs).toBe(1);
    await place.close();
  });

  test("G-87 a request that is repeated after its receiver's process died gets the reply that was flushed", async () => {
    const place = await createPlace(22);
    const { runtime, dead } = place;
    const disk = createDisk();
    const first = await place.join("alice", { store: disk.open(), storeKey }, "first");
    const bob = await place.join("bob");
    let runs = 0;
    first.agent.handle("pay", () => ++runs);
    expect(await during(runtime, bob.agent.request("alice", "pay", 5, { idempotencyKey: "invoice-1" }))).toBe(1);
    disk.crash();
    dead.add("first");
    const second = await place.join("alice", { store: disk.open(), storeKey });
    second.agent.handle("pay", () => ++runs);
    expect(await during(runtime, bob.agent.request("alice", "pay", 5, { idempotencyKey: "invoice-1" }))).toBe(1);
    expect(runs).toBe(1);
    await place.close();
  });

  test("each instance of an agent has its own keys: a request that moves runs again, once at each", async () => {
    const place = await createPlace(23);
    const { runtime, dead } = place;
    const ran: string[] = [];
    const join = async (name: string) => {
      const { agent } = await place.join("alice", {}, name);
      agent.handle("pay", async () => {
        ran.push(name);
        await new Promise<void>((resolve) => runtime.timers.after(500, resolve));
        return name;
      });
      return agent;
    };
    await join("one");
    const bob = await place.join("bob");
    await during(runtime, bob.agent.link("alice"));
    await join("two");
    const request = bob.agent.request("alice", "pay", 5, { idempotencyKey: "a", timeout: 60_000 });
    await runtime.advance(100);
    expect(ran).toEqual(["one"]);
    dead.add("one");
    expect(await during(runtime, request)).toBe("two");
    expect(await during(runtime, bob.agent.request("alice", "pay", 5, { idempotencyKey: "a" }))).toBe("two");
    expect(ran).toEqual(["one", "two"]);
    await place.close();
  });

  test("TM-169 a kept reply is given only to whom the policy permits the call now", async () => {
    const place = await createPlace(26);
    const { runtime } = place;
    let permits = true;
    const alice = await place.join("alice", { policy: () => permits });
    const bob = await place.join("bob");
    alice.agent.handle("pay", () => "paid");
    const pay = () => during(runtime, bob.agent.request("alice", "pay", 5, { idempotencyKey: "a" }));
    expect(await pay()).toBe("paid");
    permits = false;
    await expect(pay()).rejects.toMatchObject({ code: "forbidden" });
    await place.close();
  });

  test("G-85 durable messages with one key run once, however many they are; one that failed runs again", async () => {
    const place = await createPlace(27);
    const { runtime } = place;
    const alice = await place.join("alice", { store: createDisk().open(), storeKey });
    const bob = await place.join("bob", { store: createDisk().open(), storeKey });
    let runs = 0;
    alice.agent.handle("pay", () => {
      if (++runs === 1) throw new Error("not yet");
    });
    const pay = () => bob.agent.notify("alice", "pay", 5, { durable: true, confirm: "done", idempotencyKey: "a", timeout: 30_000 });
    await during(runtime, pay());
    expect(runs).toBe(2);
    await during(runtime, Promise.all([pay(), pay()]));
    expect(runs).toBe(2);
    expect((await alice.agent.deadLetters.list()).letters).toEqual([]);
    await place.close();
  });

  test("turned off, every call runs, and its handler tells by the key", async () => {
    const place = await createPlace(24);
    const { runtime } = place;
    const alice = await place.join("alice", { idempotency: false });
    const bob = await place.join("bob");
    const keys: unknown[] = [];
    alice.agent.handle("pay", (_, { idempotencyKey }) => keys.push(idempotencyKey));
    for (let i = 1; i <= 2; i++) expect(await during(runtime, bob.agent.request("alice", "pay", 5, { idempotencyKey: "a" }))).toBe(i);
    expect(keys).toEqual(["a", "a"]);
    await expect(place.join("carol", { idempotency: { keep: -1 } })).rejects.toMatchObject({ code: "invalid_argument" });
    await place.close();
  });

  test("the first keys of an agent wait for its code, and keep their order", async () => {
    const place = await createPlace(25);
    const { runtime } = place;
    const alice = await place.join("alice");
    const bob = await place.join("bob");
    const order: unknown[] = [];
    alice.agent.handle("note", (input) => order.push(input));
    const all = [1, 2, 3].map((n) => bob.agent.request("alice", "note", n, { idempotencyKey: `k${n}` }));
    expect(await during(runtime, Promise.all(all))).toEqual([1, 2, 3]);
    expect(order).toEqual([1, 2, 3]);
    await place.close();
  });
});
