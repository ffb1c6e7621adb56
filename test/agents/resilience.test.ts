import { type Agent, type AgentEvent, type AgentOptions, contract, createAgent, createAuthority, method, TightbeamError } from "@tightbeam/core";
import { breaker, bulkhead, policy, retry, timeout } from "@tightbeam/core/resilience";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { connectMemory, createHub } from "@tightbeam/memory";
import { beforeAll, describe, expect, test } from "vitest";
import { during, loadParts, promptKey } from "./clock.js";

beforeAll(loadParts);

async function place(seed = 1) {
  const runtime = createVirtualRuntime({ seed });
  const authority = await createAuthority({ runtime, key: await promptKey() });
  const hub = createHub({ runtime });
  const join = async (id: string, options: Partial<AgentOptions> = {}): Promise<Agent> => {
    const identity = await authority.enroll(id, { key: await promptKey(), permissions: ["serve:*"] });
    return createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), runtime, ...options });
  };
  const run = <T>(promise: Promise<T>): Promise<T> => during(runtime, promise);
  return { runtime, join, run };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "ok",
    (error: unknown) => (error instanceof TightbeamError ? error.code : String(error)),
  );

/** A handler that fails with these in turn, then answers. */
function failing(...errors: unknown[]) {
  const seen: { id: string; key: string | undefined; input: unknown; at?: number }[] = [];
  const handler = (input: unknown, { id, idempotencyKey }: { id: string; idempotencyKey?: string | undefined }) => {
    seen.push({ id, key: idempotencyKey, input });
    const error = errors[seen.length - 1];
    if (error !== undefined) throw error;
    return "answer";
  };
  return { handler, seen };
}

const overloaded = () => new TightbeamError("overloaded", "too much", { retryAfter: 50 });

describe("requests under a policy", () => {
  test("a refusal is tried again, as the agent's policy, the call's or the client's says; `false` is without one", async () => {
    const { join, run } = await place();
    const alice = await join("alice");
    const work = method("work");
    const api = contract({ name: "api", version: 1, methods: { work: method("work") } });
    const once = policy(retry({ attempts: 1 }));
    const bob = await join("bob", { resilience: policy(retry({ attempts: 3, base: 10, budget: false })) });
    const events: AgentEvent[] = [];
    bob.onEvent((event) => events.push(event));
    const { handler, seen } = failing(...Array.from({ length: 100 }, overloaded));
    alice.handle(work, handler);
    alice.serve(api, { work: handler });
    const tries = async (ask: () => Promise<unknown>) => {
      const before = seen.length;
      return [await run(codeOf(ask())), seen.length - before];
    };
    expect(await tries(() => bob.request("alice", work, "x"))).toEqual(["overloaded", 3]);
    expect(await tries(() => bob.request("alice", work, "x", { policy: once }))).toEqual(["overloaded", 1]);
    expect(await tries(() => bob.request("alice", work, "x", { policy: false }))).toEqual(["overloaded", 1]);
    expect(await tries(() => bob.notify("alice", work, "x", { confirm: "done" }))).toEqual(["handler_failed", 1]);
    expect(await tries(() => bob.peer("alice", api, { policy: once }).work("x"))).toEqual(["overloaded", 1]);
    expect(await tries(() => bob.peer("alice", api, { policy: false }).work("x"))).toEqual(["overloaded", 1]);
    expect(await tries(() => bob.peer("alice", api).work("x"))).toEqual(["overloaded", 3]);
    const more = { policy: policy(retry({ attempts: 5, base: 10, budget: false })) };
    expect(await tries(() => bob.peer("alice", api, { policy: once }).work("x", more))).toEqual(["overloaded", 5]);
    expect(events.filter(({ type }) => type === "retried")).toHaveLength(2 + 2 + 4);
    expect(events.find(({ type }) => type === "retried")).toMatchObject({
      peer: "alice",
      method: "work",
      attempt: 2,
      error: { code: "overloaded", retryAfter: 50 },
    });
    await run(Promise.all([alice.close(), bob.close()]));
  });

  test("what the handler may have done is not done again, unless key or contract says that it may be (G-97, G-12)", async () => {
    const { join, run } = await place();
    const alice = await join("alice");
    const bob = await join("bob", { resilience: policy(retry({ attempts: 4, base: 10, budget: false })) });
    const thrown = () => new TightbeamError("unavailable", "a database is down");
    const plain = failing(thrown());
    const keyed = failing(thrown(), thrown());
    const twice = failing(thrown());
    alice.handle("plain", plain.handler);
    alice.handle("keyed", keyed.handler);
    alice.handle(method("twice", { idempotent: true }), twice.handler);
    expect(await run(codeOf(bob.request("alice", "plain", 1)))).toBe("unavailable");
    expect(await run(codeOf(bob.request("alice", "keyed", 1, { idempotencyKey: "order-1" })))).toBe("ok");
    expect(await run(codeOf(bob.request("alice", method("twice", { idempotent: true }), 1)))).toBe("ok");
    expect([plain.seen.length, twice.seen.length]).toEqual([1, 2]);
    // The same operation: one key. Three messages: three ids.
    expect(keyed.seen.map(({ key }) => key)).toEqual(["order-1", "order-1", "order-1"]);
    expect(new Set(keyed.seen.map(({ id }) => id)).size).toBe(3);
    await run(Promise.all([alice.close(), bob.close()]));
  });

  test("an answer that does not come is no reason to ask again (G-12), with a contract that says so or a key it is (G-97)", async () => {
    const { runtime, join, run } = await place();
    const alice = await join("alice");
    const bob = await join("bob", { resilience: policy(retry({ attempts: 3, base: 10, budget: false }), timeout(500)) });
    const signals: AbortSignal[] = [];
    const forever = async (_: unknown, { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const again = method("again", { idempotent: true });
    alice.handle("slow", forever);
    alice.handle(again, forever);
    await expect(run(bob.request("alice", "slow"))).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("500 ms") });
    expect(signals).toHaveLength(1);
    await expect(run(bob.request("alice", again, 1))).rejects.toMatchObject({ code: "timeout" });
    expect(signals).toHaveLength(4);
    await expect(run(bob.request("alice", again, 1, { timeout: 700 }))).rejects.toMatchObject({ code: "timeout" });
    expect(signals).toHaveLength(6);
    // One key: what alice is doing already she does not begin again, and the second attempt gets its answer.
    let runs = 0;
    alice.handle("once", async () => {
      runs++;
      await new Promise<void>((resolve) => runtime.timers.after(700, resolve));
      return "answer";
    });
    expect(await run(bob.request("alice", "once", 1, { idempotencyKey: "k" }))).toBe("answer");
    expect(runs).toBe(1);
    await run(Promise.all([alice.close(), bob.close({ drain: 1_000 })]));
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });

  test("all attempts have the input of the call, and its ttl counts from it", async () => {
    const { runtime, join, run } = await place();
    const alice = await join("alice");
    const bob = await join("bob", { resilience: policy(retry({ attempts: 10, base: 0, budget: false })) });
    const { handler, seen } = failing(overloaded(), overloaded());
    alice.handle("work", handler);
    const input = { text: "as it was" };
    const asked = bob.request("alice", "work", input);
    input.text = "as it is now";
    await run(asked);
    expect(seen.map((each) => each.input)).toEqual(Array.from({ length: 3 }, () => ({ text: "as it was" })));

    const always = failing(...Array.from({ length: 100 }, overloaded));
    alice.handle("busy", always.handler);
    const start = runtime.now;
    await expect(run(bob.request("alice", "busy", 1, { ttl: 220 }))).rejects.toMatchObject({ code: "expired" });
    // 50 ms between two attempts.
    expect(always.seen.length).toBe(5);
    expect(runtime.now - start).toBeLessThan(1_000);
    await run(Promise.all([alice.close(), bob.close()]));
  });

  test("it is over when its time is, waits included, and at once with its signal (G-98)", async () => {
    const { runtime, join, run } = await place();
    const alice = await join("alice");
    const bob = await join("bob", { resilience: policy(retry({ attempts: 100, budget: false })) });
    alice.handle("busy", failing(...Array.from({ length: 200 }, overloaded)).handler);
    await run(bob.link("alice"));
    const start = runtime.now;
    expect(await run(codeOf(bob.request("alice", "busy", 1, { timeout: 2_000 })))).toBe("overloaded");
    expect(runtime.now - start).toBeLessThanOrEqual(2_000);
    const controller = new AbortController();
    const asked = codeOf(bob.request("alice", "busy", 1, { signal: controller.signal }));
    await runtime.advance(30);
    controller.abort();
    expect(await asked).toBe("cancelled");
    await run(Promise.all([alice.close(), bob.close()]));
  });
});

describe("breakers and bulkheads of an agent", () => {
  test("a peer that is not there opens its own circuit; others are asked as before (TM-176)", async () => {
    const { runtime, join, run } = await place();
    const alice = await join("alice");
    alice.handle("work", () => "answer");
    const guard = breaker({ consecutiveFailures: 2, openFor: 5_000, per: "peer" });
    const bob = await join("bob", { resilience: policy(guard) });
    const events: AgentEvent[] = [];
    bob.onEvent((event) => events.push(event));
    for (let i = 0; i < 2; i++) expect(await run(codeOf(bob.request("nobody", "work", 1, { timeout: 1_000 })))).toBe("no_answer");
    const before = runtime.now;
    await expect(bob.request("nobody", "other", 1)).rejects.toMatchObject({ code: "circuit_open", retryAfter: 5_000 });
    expect(runtime.now).toBe(before);
    expect(await run(bob.request("alice", "work", 1))).toBe("answer");
    expect(events.filter(({ type }) => type === "breaker")).toEqual([
      { type: "breaker", peer: "nobody", method: "", from: "closed", to: "open", reason: "consecutive_failures", retryAfter: 5_000 },
    ]);
    const nobody = await join("nobody");
    nobody.handle("work", () => "here now");
    await runtime.advance(5_000);
    expect(await run(bob.request("nobody", "work", 1))).toBe("here now");
    expect(guard.status().circuits.find(({ peer }) => peer === "nobody")?.state).toBe("closed");
    await run(Promise.all([alice.close(), bob.close(), nobody.close()]));
  });

  test("a slow peer fills its own compartment (TM-176)", async () => {
    const { join, run } = await place();
    const [alice, carol] = [await join("alice"), await join("carol")];
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    alice.handle("work", () => gate);
    carol.handle("work", () => "answer");
    const bob = await join("bob", { resilience: policy(bulkhead({ concurrent: 2, queue: 1 })) });
    const asked = [1, 2, 3, 4].map((i) => codeOf(bob.request("alice", "work", i)));
    expect(await asked[3]).toBe("overloaded");
    expect(await run(bob.request("carol", "work"))).toBe("answer");
    answer();
    expect(await run(Promise.all(asked))).toEqual(["ok", "ok", "ok", "overloaded"]);
    await run(Promise.all([alice, bob, carol].map((agent) => agent.close())));
  });

  test("of a broadcast each peer is on its own", async () => {
    const { runtime, join, run } = await place();
    const workers = [await join("one", { kinds: ["worker"] }), await join("two", { kinds: ["worker"] })];
    const [first, second] = [failing(overloaded()), failing()];
    workers[0]?.handle("work", first.handler);
    workers[1]?.handle("work", second.handler);
    const bob = await join("bob", { resilience: policy(retry({ base: 10 })) });
    await run(Promise.all(["one", "two"].map((id) => bob.link(id))));
    while (bob.peers({ kind: "worker" }).length < 2) await runtime.advance(20);
    const outcomes = await run(bob.request({ kind: "worker", strategy: "broadcast" }, "work"));
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true]);
    expect([first.seen.length, second.seen.length]).toEqual([2, 1]);
    const plain = await run(bob.request({ kind: "worker", strategy: "broadcast" }, "work", 1, { policy: false }));
    expect(plain.map(({ ok }) => ok)).toEqual([true, true]);
    await run(Promise.all([...workers, bob].map((agent) => agent.close())));
  });

  test("one that fails in one of a kind may be answered by another of it", async () => {
    const { runtime, join, run } = await place();
    const workers = [await join("one", { kinds: ["worker"] }), await join("two", { kinds: ["worker"] })];
    const answers: string[] = [];
    for (const worker of workers)
      worker.handle("work", () => {
        answers.push(worker.id);
        if (answers.length === 1) throw overloaded();
        return worker.id;
      });
    const bob = await join("bob", { resilience: policy(retry({ base: 10 })) });
    await run(Promise.all(["one", "two"].map((id) => bob.link(id))));
    while (bob.peers({ kind: "worker" }).length < 2) await runtime.advance(20);
    await run(bob.request({ kind: "worker", strategy: "round-robin" }, "work"));
    expect(new Set(answers).size).toBe(2);
    await run(Promise.all([...workers, bob].map((agent) => agent.close())));
  });
});

describe("the end of an agent", () => {
  test("close() settles what waits to be tried again, and what waits for a place (G-63)", async () => {
    const { runtime, join, run } = await place();
    const alice = await join("alice");
    alice.handle("busy", failing(...Array.from({ length: 100 }, () => new TightbeamError("overloaded", "too much", { retryAfter: 20_000 }))).handler);
    alice.handle("slow", () => new Promise(() => undefined));
    const bob = await join("bob", { resilience: policy(retry(), bulkhead({ concurrent: 1, queue: 5, per: "method" })) });
    await run(bob.link("alice"));
    const asked = [bob.request("alice", "busy"), bob.request("alice", "slow"), bob.request("alice", "slow")].map(codeOf);
    await runtime.advance(100);
    const before = runtime.now;
    await run(bob.close());
    expect(await run(Promise.all(asked))).toEqual(["closed", "delivery_unknown", "closed"]);
    expect(runtime.now - before).toBeLessThan(5_000);
    expect(await run(codeOf(bob.request("alice", "busy")))).toBe("closed");
    await run(alice.close());
  });

  test("close({ drain }) waits for what is about to be tried again (G-62)", async () => {
    const { runtime, join, run } = await place();
    const alice = await join("alice");
    const { handler, seen } = failing(new TightbeamError("overloaded", "too much", { retryAfter: 2_000 }));
    alice.handle("work", handler);
    const bob = await join("bob", { resilience: policy(retry()) });
    await run(bob.link("alice"));
    const asked = codeOf(bob.request("alice", "work"));
    await runtime.advance(100);
    await run(bob.close({ drain: 10_000 }));
    expect([await asked, seen.length]).toEqual(["ok", 2]);
    await run(alice.close());
  });
});

test("what is no policy is refused, and so is one where there is nothing to try again", async () => {
  const { join, run } = await place();
  const wrong = { code: "invalid_argument" };
  for (const resilience of [{}, 5, retry(), "policy"]) await expect(join("eve", { resilience: resilience as never })).rejects.toMatchObject(wrong);
  const alice = await join("alice");
  const of = policy(retry());
  for (const each of [{}, 5, null, retry(), true]) {
    await expect(alice.request("bob", "work", 1, { policy: each as never })).rejects.toMatchObject(wrong);
    expect(() => alice.peer("bob", contract({ name: "api", version: 1, methods: { work: method("work") } }), { policy: each as never })).toThrow(
      expect.objectContaining(wrong),
    );
  }
  expect(() => alice.peer("bob", contract({ name: "api", version: 1, methods: { work: method("work") } }), { retry: 1 } as never)).toThrow(
    expect.objectContaining(wrong),
  );
  await expect(run(alice.stream("bob", "tokens", 1, { policy: of } as never).result)).rejects.toMatchObject(wrong);
  await expect(run(alice.publish("news", 1, { policy: of } as never))).rejects.toMatchObject(wrong);
  await expect(run(alice.request("bob", "work", 1, { policy: of, timeout: Number.NaN }))).rejects.toMatchObject(wrong);
  // It has the clock of another runtime.
  const elsewhere = policy(retry()).bind(createVirtualRuntime({ seed: 2 }));
  await expect(alice.request("bob", "work", 1, { policy: elsewhere })).rejects.toMatchObject(wrong);
  await run(alice.close());
});
