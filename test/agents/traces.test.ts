import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, createAgent, createAuthority, TightbeamError } from "@tightbeam/core";
import { createTracer, createTraceStore, type TraceStore, type TraceStoreOptions } from "@tightbeam/core/observability";
import { createMemoryStore } from "@tightbeam/core/store";
import { connectMemory, createHub } from "@tightbeam/memory";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { afterEach, describe, expect, test } from "vitest";

const storeKey = crypto.getRandomValues(new Uint8Array(32));
const over: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of over.splice(0).reverse()) await end();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "tightbeam-traces-"));
  over.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function scene(ids: readonly string[], sample = 1) {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const agents: Record<string, Agent> = {};
  for (const id of ids) {
    const identity = await authority.enroll(id);
    const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), tracer: createTracer({ sample }) });
    agents[id] = agent;
    over.push(() => agent.close());
  }
  return agents;
}

/** What comes behind a reply: its acknowledgement, and what is written. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const stores: Record<string, () => Promise<TraceStoreOptions>> = {
  "in memory": async () => ({}),
  "over a memory store": async () => ({ store: createMemoryStore() }),
  "over LMDB": async () => ({ store: await openLmdbStore({ path: folder() }), storeKey }),
};

describe.each(Object.entries(stores))("a trace store %s", (_, options) => {
  let traces: TraceStore;

  test("has one trace of a request through three agents, with the stages of both sides of each call, and who called whom", async () => {
    traces = await createTraceStore(await options());
    over.push(() => traces.close());
    const { alice, bob, carol } = (await scene(["alice", "bob", "carol"])) as Record<"alice" | "bob" | "carol", Agent>;
    for (const agent of [alice, bob, carol]) traces.watch(agent);
    alice.handle("summarize", () => "short");
    bob.handle("research", async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return bob.request("alice", "summarize", "a long text");
    });
    await carol.request("bob", "research", "a topic");

    const [newest] = await traces.list({ agent: "carol" });
    const trace = await traces.get(newest?.traceId ?? "");
    expect(trace?.calls.map(({ from, to, method, status }) => [from.id, to.id, method, status])).toEqual([
      ["carol", "bob", "research", "completed"],
      ["bob", "alice", "summarize", "completed"],
    ]);
    const [research, summarize] = trace?.calls ?? [];
    expect(summarize?.parent).toBe(research?.id);
    expect(summarize?.parentSpanId).toBe(research?.handlerSpanId);
    expect(research?.parent).toBeUndefined();
    for (const call of [research, summarize]) {
      const stages = call?.stages.map(({ side, of, stage }) => `${side} ${of} ${stage}`);
      for (const stage of [
        "from call queued",
        "from call sealed",
        "from call sent",
        "to call delivered",
        "to call processed",
        "to reply queued",
        "from call answered",
      ])
        expect(stages).toContain(stage);
      expect(call?.clockDifference).toBe(0);
      expect(call?.duration).toBeGreaterThan(0);
    }
    expect(research?.duration).toBeGreaterThan(summarize?.duration ?? Number.POSITIVE_INFINITY);
    expect(await traces.byMessage(summarize?.id ?? "")).toEqual(trace);
    expect(await traces.statistics({ route: { method: "summarize" } })).toMatchObject({ total: 1, active: 0, failed: 0 });
  });
});

test("a restart over LMDB: what was kept is there", async () => {
  const path = folder();
  const first = await createTraceStore({ store: await openLmdbStore({ path }), storeKey });
  const { alice, bob } = (await scene(["alice", "bob"])) as Record<"alice" | "bob", Agent>;
  first.watch(alice);
  first.watch(bob);
  alice.handle("work", () => "done");
  for (let i = 0; i < 20; i++) await bob.request("alice", "work", i);
  await bob.request("alice", "nothing", 1).catch(() => undefined);
  const list = await first.list();
  expect(list).toHaveLength(21);
  await first.close();
  const second = await createTraceStore({ store: await openLmdbStore({ path }), storeKey });
  over.push(() => second.close());
  expect((await second.list()).map(({ traceId, status }) => [traceId, status])).toEqual(list.map(({ traceId, status }) => [traceId, status]));
  expect(await second.list({ failed: true })).toMatchObject([{ first: { method: "nothing", code: "no_handler" } }]);
});

test("of what is not sampled nothing is kept, but for what fails: refused, timed out, without a handler", async () => {
  const traces = await createTraceStore({ sample: 0 });
  over.push(() => traces.close());
  const { alice, bob } = (await scene(["alice", "bob"], 0)) as Record<"alice" | "bob", Agent>;
  traces.watch(alice);
  traces.watch(bob);
  alice.handle("work", () => "done");
  alice.handle("fails", () => {
    throw new Error("no");
  });
  alice.handle("sleeps", () => new Promise(() => undefined));
  await bob.request("alice", "work", 1);
  await bob.notify("alice", "work", 1, { confirm: "done" });
  expect(traces.status().calls).toBe(0);
  await expect(bob.request("alice", "fails", 1)).rejects.toBeInstanceOf(TightbeamError);
  await expect(bob.request("alice", "missing", 1)).rejects.toBeInstanceOf(TightbeamError);
  await expect(bob.request("alice", "sleeps", 1, { timeout: 30 })).rejects.toMatchObject({ code: "timeout" });
  await expect(bob.notify("alice", "fails", 1, { confirm: "done" })).rejects.toBeInstanceOf(TightbeamError);
  await until(async () => (await traces.statistics()).total === 4);
  const failed = (await traces.list({ failed: true })).map(({ first }) => first);
  expect(failed.map(({ method, type, code }) => `${type} ${method} ${code}`).toSorted()).toEqual([
    "notification fails handler_failed",
    "request fails handler_failed",
    "request missing no_handler",
    "request sleeps timeout",
  ]);
  for (const call of failed) {
    expect(call).toMatchObject({ from: { id: "bob" }, to: { id: "alice" }, sampled: false });
    expect(call.duration).toBeGreaterThan(0);
  }
  expect(failed.find(({ method }) => method === "sleeps")?.duration).toBeGreaterThanOrEqual(29);
});

test("whatever is sampled, just those that fail and those that are sampled are kept, each once, with who, what, when, how long and why", async () => {
  const sample = 0.3;
  const traces = await createTraceStore({ sample });
  over.push(() => traces.close());
  const { alice, bob } = (await scene(["alice", "bob"], sample)) as Record<"alice" | "bob", Agent>;
  traces.watch(alice);
  traces.watch(bob);
  const ids = new Map<number, string>();
  alice.handle("work", async (input, { id }) => {
    const { number, fails, waits } = input as { number: number; fails: boolean; waits: boolean };
    ids.set(number, id);
    if (waits) await new Promise((resolve) => setTimeout(resolve, 2));
    if (fails) throw new TightbeamError("invalid_input", "no");
  });
  const began = Date.now();
  const inputs = Array.from({ length: 300 }, (_, number) => ({ number, fails: number % 5 === 0, waits: number % 3 === 0 }));
  const ask = (input: (typeof inputs)[number]) =>
    input.number % 2 === 0 ? bob.request("alice", "work", input) : bob.notify("alice", "work", input, { confirm: "done" });
  const outcomes = await Promise.allSettled(inputs.map(ask));
  const sampledIds = new Set<string>();
  const tracer = createTracer({ sample });
  for (const id of ids.values()) if (tracer.samples?.(id) === true) sampledIds.add(id);
  expect(sampledIds.size).toBeGreaterThan(30);
  const expected = inputs.flatMap(({ number, fails }) => (fails || sampledIds.has(ids.get(number) as string) ? [ids.get(number) as string] : [])).toSorted();
  await until(async () => (await traces.statistics()).active === 0 && traces.status().calls === expected.length);
  const kept = (await traces.list({ limit: 1_000 })).map(({ first }) => first);
  expect(kept.map(({ id }) => id).toSorted()).toEqual(expected);
  const byId = new Map(kept.map((call) => [call.id, call]));
  for (const { number, fails } of inputs) {
    const call = byId.get(ids.get(number) as string);
    expect(outcomes[number]?.status).toBe(fails ? "rejected" : "fulfilled");
    if (call === undefined) continue;
    expect(call).toMatchObject({
      from: { id: "bob" },
      to: { id: "alice" },
      method: "work",
      type: number % 2 === 0 ? "request" : "notification",
      status: fails ? "failed" : "completed",
      sampled: sampledIds.has(call.id),
    });
    expect(call.code).toBe(fails ? (number % 2 === 0 ? "invalid_input" : call.code) : undefined);
    if (fails) expect(["invalid_input", "handler_failed"]).toContain(call.code);
    expect(call.duration).toBeGreaterThanOrEqual(0);
    expect(call.startedAt).toBeGreaterThanOrEqual(began - 1);
    expect(call.lastAt).toBeLessThanOrEqual(Date.now());
  }
});

test("TM-215 no payload, header, error text, token or key is in a trace, nor in what lies in its store", async () => {
  const path = folder();
  const store = createMemoryStore();
  const traces = await createTraceStore({ store });
  const sealed = await createTraceStore({ store: await openLmdbStore({ path }), storeKey });
  const { alice, bob } = (await scene(["alice", "bob"])) as Record<"alice" | "bob", Agent>;
  for (const agent of [alice, bob]) {
    traces.watch(agent);
    sealed.watch(agent);
  }
  alice.handle("work", () => ({ answer: "secret-reply" }));
  alice.handle("fails", () => {
    throw new TightbeamError("forbidden", "secret-error");
  });
  const options = { headers: { secret: "secret-header" }, idempotencyKey: "secret-key" };
  await bob.request("alice", "work", { text: "secret-payload" }, options);
  await bob.request("alice", "fails", { text: "secret-payload" }, options).catch(() => undefined);
  await traces.clean({ agent: "nobody" });
  const seen: string[] = [JSON.stringify(await Promise.all((await traces.list()).map(({ traceId }) => traces.get(traceId))))];
  for await (const [key, value] of store.scan("")) seen.push(key, Buffer.from(value).toString("latin1"));
  expect(seen.length).toBeGreaterThan(5);
  await traces.close();
  await sealed.close();
  const disk = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString("latin1"));
  // "eyJ" begins every token.
  for (const text of [...seen, ...disk]) for (const secret of ["secret-", "eyJ"]) expect(text).not.toContain(secret);
  // Sealed, not even who and what.
  expect(disk.join()).not.toMatch(/alice|bob|"work"/);
});
