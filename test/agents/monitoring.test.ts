import { type Agent, createAgent, createAuthority, TightbeamError } from "@tightbeam/core";
import { createPerformanceMonitor, type RoutePerformance } from "@tightbeam/core/observability";
import { createMemoryStore } from "@tightbeam/core/store";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay, serveMonitoring } from "@tightbeam/websocket/relay";
import { afterEach, describe, expect, it } from "vitest";
import { type ParsedFamily, parseExposition, sampleOf } from "../../packages/core/test/observability/monitor/exposition-parser.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function place() {
  const authority = await createAuthority({ issuer: "https://auth.test" });
  const trust = authority.trust();
  const relay = await createRelay({ port: 0, trust, monitoring: { port: 0 } });
  closers.push(() => relay.close());
  const join = async (id: string): Promise<Agent> => {
    const identity = await authority.enroll(id);
    const agent = await createAgent({ identity, trust, transport: await connectWebSocket(relay.url, { identity }), store: createMemoryStore() });
    closers.push(() => agent.close());
    return agent;
  };
  return { relay, join };
}

async function scrape(url: string): Promise<ReadonlyMap<string, ParsedFamily>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(200);
  return parseExposition(await response.text());
}

describe("monitoring agents at work", () => {
  it("numbers of a real scrape add up, at both ends and at the relay", async () => {
    const { relay, join } = await place();
    const [alice, bob] = [await join("alice"), await join("bob")];
    const monitor = createPerformanceMonitor();
    monitor.watch(alice);
    monitor.watch(bob);
    const monitoring = await serveMonitoring({ agents: [alice, bob], monitor, port: 0 });
    closers.push(() => monitoring.close());

    let notified = 0;
    let heard = 0;
    alice.handle("echo", (input) => input);
    alice.handle("broken", () => {
      throw new TightbeamError("unavailable", "Not now.", { retryable: false });
    });
    alice.handle("note", () => {
      notified += 1;
    });
    alice.handle("letter", () => undefined);
    bob.publishes("news");
    await bob.link("alice");
    const subscription = await alice.subscribe("news", () => void heard++);
    await subscription.ready(1);
    const before = await scrape(monitoring.url);

    const payload = "x".repeat(1_000);
    const work = [
      ...Array.from({ length: 40 }, () => bob.request("alice", "echo", payload)),
      ...Array.from({ length: 7 }, () => bob.request("alice", "broken").catch(() => undefined)),
      ...Array.from({ length: 3 }, () => bob.request("alice", "nobody-serves-this").catch(() => undefined)),
      ...Array.from({ length: 20 }, (_, i) => bob.notify("alice", "note", i)),
      ...Array.from({ length: 5 }, (_, i) => bob.notify("alice", "note", i, { confirm: "done" })),
      ...Array.from({ length: 4 }, (_, i) => bob.notify("alice", "letter", i, { durable: true, confirm: "done" })),
      ...Array.from({ length: 6 }, (_, i) => bob.publish("news", i)),
    ];
    // In the middle of it.
    await scrape(monitoring.url);
    await scrape(relay.monitoringUrl as string);
    await Promise.all(work);
    await expect.poll(() => [notified, heard]).toEqual([25, 6]);

    const row = (method: string, direction: "sent" | "received"): Partial<RoutePerformance> | undefined =>
      monitor.snapshot().routes.find((route) => route.method === method && route.direction === direction);
    await expect.poll(() => row("note", "sent")?.count).toBe(25);
    await expect.poll(() => row("news", "sent")?.count).toBe(6);
    for (const direction of ["sent", "received"] as const) {
      expect(row("echo", direction)).toMatchObject({ from: "bob", to: "alice", type: "request", count: 40, failed: 0, errors: {}, retries: 0 });
      expect(row("broken", direction)).toMatchObject({ count: 7, failed: 7, errors: { unavailable: 7 }, errorRate: 1 });
      expect(row("note", direction)).toMatchObject({ type: "notification", count: 25, failed: 0, bytes: { replies: 0 } });
      expect(row("letter", direction)).toMatchObject({ type: "notification", count: 4, failed: 0, deadLetters: 0 });
      expect(row("news", direction)).toMatchObject({ type: "event", count: 6, failed: 0 });
    }
    // What a peer makes up has no row where it comes to, but where it comes from; and its letters are there.
    expect(row("nobody-serves-this", "received")).toBeUndefined();
    expect(row("nobody-serves-this", "sent")).toMatchObject({ count: 3, failed: 3, errors: { no_handler: 3 } });
    expect(monitor.snapshot().other).toMatchObject({ count: 3, failed: 3, errors: { no_handler: 3 } });
    // The envelopes that one side sealed are those that the other opened.
    expect(row("echo", "sent")?.bytes).toEqual(row("echo", "received")?.bytes);
    expect(row("echo", "sent")?.bytes?.calls).toBeGreaterThan(40_000);
    expect(row("echo", "sent")?.duration?.p50).toBeGreaterThanOrEqual(row("echo", "received")?.duration?.min ?? Number.NaN);

    const after = await scrape(monitoring.url);
    const labels = { from: "bob", to: "alice", method: "echo", type: "request", direction: "sent" };
    expect(sampleOf(after, "tightbeam_route_operations_total", labels)).toBe(40);
    expect(sampleOf(after, "tightbeam_route_duration_seconds_count", labels)).toBe(40);
    expect(sampleOf(after, "tightbeam_route_failures_total", { method: "broken", direction: "received", code: "unavailable" })).toBe(7);
    const total = [...(after.get("tightbeam_route_operations_total")?.samples ?? [])].reduce((sum, { value }) => sum + value, 0);
    expect(total).toBe(2 * (40 + 7 + 3 + 25 + 4 + 6));
    for (const agent of ["alice", "bob"]) {
      expect(sampleOf(after, "tightbeam_transport_up", { agent })).toBe(1);
      expect(sampleOf(after, "tightbeam_links", { agent, state: "up" })).toBe(1);
      expect(sampleOf(after, "tightbeam_calls", { agent, state: "waiting" })).toBe(0);
      expect(sampleOf(after, "tightbeam_handshakes_established_total", { agent })).toBe(1);
    }
    expect(sampleOf(before, "tightbeam_monitor_routes")).toBe(0);

    const stats = relay.stats();
    const relayed = await scrape(relay.monitoringUrl as string);
    const value = (name: string) => sampleOf(relayed, `tightbeam_relay_${name}`);
    expect([value("sockets"), value("logins_total"), value("frames_dropped_total")]).toEqual([2, 2, 0]);
    expect(value("frames_in_total")).toBeGreaterThanOrEqual(stats.framesIn);
    // All that came for somebody who is there went on to him.
    await expect.poll(() => relay.stats().framesOut / relay.stats().framesIn).toBeGreaterThan(0.9);
    // Each echo of 1 KB went in and out again, twice.
    expect(value("bytes_in_total")).toBeGreaterThan(80_000);
    expect(value("bytes_out_total")).toBeGreaterThan(80_000);
  });

  it("shows what lies in its store: what waits for a peer that is away, and what will not be tried again", async () => {
    const { join } = await place();
    const [alice, bob] = [await join("alice"), await join("bob")];
    const monitoring = await serveMonitoring({ agents: [alice, bob], port: 0 });
    closers.push(() => monitoring.close());
    alice.handle("fails", () => {
      throw new Error("as always");
    });
    await bob.notify("alice", "fails", 1, { confirm: "done" }).catch(() => undefined);
    for (let i = 0; i < 3; i++) await bob.notify("carol", "job", i, { durable: true });
    const families = await scrape(monitoring.url);
    const value = (name: string, labels: Readonly<Record<string, string>>) => sampleOf(families, `tightbeam_${name}`, labels);
    expect(value("durable_backlog_messages", { agent: "bob", peer: "carol" })).toBe(3);
    expect(value("durable_backlog_bytes", { agent: "bob", peer: "carol" })).toBeGreaterThan(30);
    expect(value("durable_blocked", { agent: "bob", peer: "carol" })).toBe(1);
    expect(value("dead_letters", { agent: "alice", reason: "handler_failed" })).toBe(1);
    expect(value("dead_letters_added_total", { agent: "alice" })).toBe(1);
    expect(value("dead_letters_added_total", { agent: "bob" })).toBe(0);
    expect([value("store_failed", { agent: "bob" }), value("store_damaged_entries", { agent: "bob" })]).toEqual([0, 0]);
    const { status } = (await (await fetch(`${monitoring.url}/health`)).json()) as { status: string };
    expect(status).toBe("ok");
  });

  it("is not ready while it is being closed and finishes what it has begun", async () => {
    const { join } = await place();
    const [alice, bob] = [await join("alice"), await join("bob")];
    const monitoring = await serveMonitoring({ agents: alice, port: 0 });
    closers.push(() => monitoring.close());
    let finish: () => void = () => undefined;
    alice.handle("slow", () => new Promise<void>((resolve) => (finish = resolve)));
    const slow = bob.request("alice", "slow");
    await expect.poll(() => alice.status().calls.running).toBe(1);
    expect((await fetch(`${monitoring.url}/ready`)).status).toBe(200);
    const closed = alice.close({ drain: 20_000 });
    const ready = await fetch(`${monitoring.url}/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, reasons: [{ agent: "alice", code: "closing" }] }]);
    // Who restarts processes has nothing to do here.
    expect((await fetch(`${monitoring.url}/health`)).status).toBe(200);
    finish();
    await slow;
    await closed;
  });

  it("is ready while the relay is there, and says why not when it is not", async () => {
    const { relay, join } = await place();
    const alice = await join("alice");
    const monitoring = await serveMonitoring({ agents: alice, port: 0 });
    closers.push(() => monitoring.close());
    const ask = async (path: string) => {
      const response = await fetch(monitoring.url + path);
      const { status, ready, reasons } = (await response.json()) as { status?: string; ready?: boolean; reasons: readonly { code: string }[] };
      return [response.status, status ?? ready, reasons.map(({ code }) => code)];
    };
    await expect.poll(() => ask("/ready")).toEqual([200, true, []]);
    expect(await ask("/health")).toEqual([200, "ok", []]);
    await relay.close();
    await expect.poll(() => ask("/ready")).toEqual([503, false, ["transport_down"]]);
    expect(await ask("/health")).toEqual([200, "degraded", ["transport_down"]]);
    await alice.close();
    expect(await ask("/health")).toEqual([503, "failed", ["transport_closed"]]);
    expect(await ask("/ready")).toEqual([503, false, ["transport_closed"]]);
  });
});
