import { describe, expect, it } from "vitest";
import { createMonitoringEndpoint } from "../../../src/observability/monitor/endpoint.js";
import { createMonitoringHandler, prometheusText } from "../../../src/observability/monitor/handler.js";
import { createPerformanceMonitor } from "../../../src/observability/monitor/monitor.js";
import { parseExposition, sampleOf } from "./exposition-parser.js";
import { createStage } from "./fixtures.js";
import { linkWith, statusWith } from "./status.js";

const token = "0123456789abcdefABCDEF_-";
const alice = { status: () => statusWith({ links: [linkWith("bob")] }) };
const bearer = (shown: string) => ({ headers: { authorization: `Bearer ${shown}` } });

const ask = (handler: (request: Request) => Promise<Response>, path: string, init?: RequestInit, origin = "http://127.0.0.1:9464") =>
  handler(new Request(`${origin}${path}`, init));
const statusOf = async (...args: Parameters<typeof ask>): Promise<number> => (await ask(...args)).status;

describe("the monitoring handler", () => {
  const open = createMonitoringHandler({ agents: alice });

  it("serves its three pages, and nothing that may be kept", async () => {
    const metrics = await ask(open, "/metrics");
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(sampleOf(parseExposition(await metrics.text()), "tightbeam_transport_up", { agent: "alice" })).toBe(1);
    const health = await ask(open, "/health");
    expect(await health.json()).toMatchObject({ status: "ok", reasons: [], agents: [{ agent: "alice", links: { up: 1 } }] });
    const ready = await ask(open, "/ready?verbose=1");
    expect(await ready.json()).toEqual({ ready: true, reasons: [] });
    for (const answer of [metrics, health, ready, await ask(open, "/nothing"), await ask(open, "/health", {}, "http://evil.example")]) {
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("answers HEAD like GET, without the body", async () => {
    const [get, head] = [await ask(open, "/ready"), await ask(open, "/ready", { method: "HEAD" })];
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, String((await get.text()).length), ""]);
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])("refuses %s", async (method) => {
    const answer = await ask(open, "/metrics", { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it.each(["/", "/metrics/", "//metrics", "/Metrics", "/metrics%2f", "/health/x", "/__proto__", "/constructor"])(
    "knows exact paths only, not %s",
    async (path) => expect(await statusOf(open, path)).toBe(404),
  );

  it("[TM-221] without a token answers for loopback names and those that are listed: others come by DNS rebinding", async () => {
    const well = ["http://127.0.0.1", "http://127.0.0.1:9464", "http://localhost:1", "http://LOCALHOST", "http://[::1]:9464", "http://127.8.9.1"];
    for (const origin of well) expect(await statusOf(open, "/health", {}, origin), origin).toBe(200);
    const wrong = [
      "http://evil.example",
      "http://127.0.0.1.evil.example",
      "http://localhost.evil.example",
      "http://192.168.1.1",
      "http://[::2]",
      "http://0.0.0.0",
    ];
    for (const origin of wrong) for (const path of ["/metrics", "/health", "/ready", "/"]) expect(await statusOf(open, path, {}, origin), origin).toBe(403);
    // As a server hands it on, whatever it makes of the URL.
    expect(await statusOf(open, "/health", { headers: { host: "evil.example" } })).toBe(403);
    expect(await statusOf(open, "/health", { headers: { host: "127.0.0.1, evil.example" } })).toBe(403);
    expect(await statusOf(open, "/health", { headers: { host: "" } })).toBe(403);
    const listed = createMonitoringHandler({ agents: alice, hosts: ["metrics.internal"] });
    expect(await statusOf(listed, "/health", {}, "http://metrics.internal:8080")).toBe(200);
    expect(await statusOf(listed, "/health", {}, "http://x.metrics.internal")).toBe(403);
  });

  it("[TM-221] with a token answers who shows it, and tells others not even which paths there are", async () => {
    const closed = createMonitoringHandler({ agents: alice, token });
    for (const shown of [token]) expect(await statusOf(closed, "/metrics", bearer(shown), "http://anything.example")).toBe(200);
    expect(await statusOf(closed, "/health", { headers: { authorization: `bearer  ${token}` } })).toBe(200);
    const wrong = ["", "x", token.slice(1), `${token}x`, token.toLowerCase(), `${token} ${token}`, `${"x".repeat(4_000)}`];
    const texts = new Set<string>();
    for (const shown of wrong)
      for (const path of ["/metrics", "/health", "/nothing"]) {
        const answer = await ask(closed, path, bearer(shown));
        expect([answer.status, answer.headers.get("www-authenticate")], shown).toEqual([401, "Bearer"]);
        texts.add(await answer.text());
      }
    expect(texts.size).toBe(1);
    for (const headers of [{}, { authorization: token }, { authorization: `Basic ${token}` }, { "x-token": token }])
      expect(await statusOf(closed, "/metrics", { headers, method: "POST" })).toBe(401);
  });

  it.each(["", "short", "a".repeat(21), "ü".repeat(30), `${token} `, `${token}\n`, "a".repeat(600), 5, null])(
    "[TM-221] refuses a token that is none: %j",
    (given) => {
      const make = () => createMonitoringHandler({ agents: alice, token: given as string });
      expect(make).toThrow(expect.objectContaining({ code: "invalid_argument" }));
      if (typeof given === "string" && given.length > 5) expect(make).not.toThrow(expect.objectContaining({ message: expect.stringContaining(given) }));
    },
  );

  it.each(["UPPER", "with space", "a:80", "a/b", "", "*", 5])("refuses a host that is none: %j", (host) => {
    expect(() => createMonitoringHandler({ agents: alice, hosts: [host as string] })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it.each([
    {},
    { agent: alice },
    { agents: "alice" },
    { agents: [alice, {}] },
    { agents: alice, monitor: {} },
    { agents: alice, more: [] },
    { agents: alice, tokn: token },
    { agents: alice, hosts: "metrics.internal" },
    { agents: alice, token, hosts: "metrics.internal" },
    null,
  ])("refuses options that are none: %#", (options) => {
    expect(() => createMonitoringHandler(options as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("refuses access that is none: with a token that is misspelt, everybody would have it", () => {
    expect(() => createMonitoringEndpoint({ tokn: token } as never, {})).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("says nothing of what failed inside", async () => {
    const broken = {
      status: () => {
        throw new Error("the secret is hunter2");
      },
    };
    const answer = await ask(createMonitoringHandler({ agents: broken }), "/metrics");
    expect([answer.status, await answer.text()]).toEqual([500, "The state cannot be told.\n"]);
    const page = createMonitoringEndpoint({}, { "/x": () => ({ status: 503, type: "text/plain", body: "ж" }) });
    const told = await ask(page, "/x");
    expect([told.status, told.headers.get("content-length"), await told.text()]).toEqual([503, "2", "ж"]);
  });

  it("tells of the agents that are there when it is asked", async () => {
    const agents: (typeof alice)[] = [];
    const handler = createMonitoringHandler({ agents: () => agents });
    expect(await statusOf(handler, "/ready")).toBe(503);
    agents.push(alice);
    expect(await statusOf(handler, "/ready")).toBe(200);
  });
});

describe("prometheusText", () => {
  it("[TM-218] holds to the format with hostile names and 10,000 made-up methods, and stays bounded", async () => {
    const { monitor, alice: teller } = createStage({ routesMax: 50 });
    const names = ['"', "\n", "\\", '"} 1\nup 0\n#', "ж🙂", "\ud800", "__proto__", "le", "(other)"];
    for (const name of names) teller.called(name, { peer: name });
    for (let i = 0; i < 10_000; i++) teller.handled(`made-up-${i}"\n`, { peer: `peer-${i % 100}` });
    const links = Array.from({ length: 500 }, (_, i) => linkWith(`peer-${i}"\n\\`, { counters: { queuedBytes: 1 } }));
    const handshakes = { ...statusWith().handshakes, refused: { 'a"\n': 2 } };
    const text = await prometheusText({ agents: [{ status: () => statusWith({ links, handshakes }) }], monitor });
    const families = parseExposition(text);
    expect(text.length).toBeLessThan(400_000);
    const counted = families.get("tightbeam_route_operations_total")?.samples ?? [];
    expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(10_000 + names.length);
    expect(counted.map(({ labels }) => labels.method)).toEqual(expect.arrayContaining(['"', "\n", "\\", '"} 1\nup 0\n#', "ж🙂", "\ufffd", "__proto__", "le"]));
    const queues = families.get("tightbeam_link_queue_bytes")?.samples ?? [];
    expect([queues.length, queues.reduce((sum, { value }) => sum + value, 0)]).toEqual([101, 500]);
    expect(sampleOf(families, "tightbeam_handshakes_refused_total", { reason: 'a"\n' })).toBe(2);
  });

  it("gives seconds and bytes, and histograms that add up", async () => {
    const { monitor, alice: teller } = createStage();
    for (const duration of [0.01, 1, 1.5, 40, 100_000]) teller.called("find", { duration });
    const families = parseExposition(await prometheusText({ agents: [], monitor }));
    const labels = { from: "alice", to: "bob", method: "find", type: "request", direction: "sent" };
    const bucket = (le: string) => sampleOf(families, "tightbeam_route_duration_seconds_bucket", { ...labels, le });
    expect([bucket("0.0000625"), bucket("0.001"), bucket("0.002"), bucket("65.536"), bucket("+Inf")]).toEqual([1, 2, 3, 4, 5]);
    expect(sampleOf(families, "tightbeam_route_duration_seconds_sum", labels)).toBeCloseTo(100.04251);
    expect(sampleOf(families, "tightbeam_route_bytes_total", { ...labels, part: "calls" })).toBe(500);
    expect(sampleOf(families, "tightbeam_monitor_start_time_seconds")).toBe(1_750_000_000);
  });

  it("adds up the instances of a peer, and tells agents of one id apart", async () => {
    const links = [
      linkWith("bob", { roundTrip: 20, queue: { critical: 0, high: 0, normal: 1, low: 0 } }),
      linkWith("bob", { roundTrip: 60, state: "suspect", queue: { critical: 0, high: 4, normal: 2, low: 0 } }),
      linkWith("carol", { roundTrip: 5 }),
    ];
    const agents = [{ status: () => statusWith({ links }) }, { status: () => statusWith({ transport: "down" }) }];
    const families = parseExposition(
      await prometheusText({ agents, more: () => [{ name: "mine", type: "gauge", help: "Mine.", samples: [{ labels: {}, value: 1 }] }] }),
    );
    expect(sampleOf(families, "tightbeam_link_round_trip_seconds", { agent: "alice", peer: "bob" })).toBe(0.06);
    const queue = (priority: string) => sampleOf(families, "tightbeam_link_queue_messages", { agent: "alice", peer: "bob", priority });
    expect([queue("critical"), queue("high"), queue("normal"), queue("low")]).toEqual([0, 4, 3, 0]);
    expect(sampleOf(families, "tightbeam_links", { agent: "alice", state: "suspect" })).toBe(1);
    expect(sampleOf(families, "tightbeam_transport_up", { agent: "alice#2" })).toBe(0);
    expect(sampleOf(families, "mine")).toBe(1);
  });

  it("is empty where there is nothing to tell", async () => {
    expect(await prometheusText({ agents: [] })).toBe("");
    expect(parseExposition(await prometheusText({ agents: [], monitor: createPerformanceMonitor() })).size).toBe(3);
  });
});
