import { describe, expect, it } from "vitest";
import { createLiveKeys } from "../../../src/identity/exchange/live-keys.js";
import { createPlaces } from "../../../src/identity/exchange/places.js";
import { createRates } from "../../../src/identity/exchange/rates.js";
import { createReplays } from "../../../src/identity/exchange/replays.js";
import { generateKey, signDpop } from "../../../src/identity/index.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";
import { agentKey, otherKey } from "../fixtures.js";
import { exchange, jwtType, setUp, URL_ } from "./fixture.js";

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe("TM-144 an endpoint's work and memory are bounded", () => {
  it("bytes of a body, declared or not, and the time it takes", async () => {
    const endpoint = await setUp({ endpoint: { limits: { bodyBytes: 4_096 } } });
    expect((await endpoint.ask({ form: { padding: "x".repeat(4_096) } })).status).toBe(413);
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(1_024));
        sent += 1_024;
      },
    });
    const request = (body: ReadableStream<Uint8Array>): Request =>
      new Request(URL_, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body, duplex: "half" } as RequestInit);
    expect((await endpoint.endpoint.handle(request(endless))).status).toBe(413);
    expect(sent).toBeLessThan(16_384);
    let cancelled = false;
    const silent = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true;
      },
    });
    const waiting = endpoint.endpoint.handle(request(silent));
    await endpoint.runtime.advance(5_000);
    expect((await waiting).status).toBe(408);
    expect(cancelled).toBe(true);
    const broken = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error("cut")) });
    expect((await endpoint.endpoint.handle(request(broken))).status).toBe(400);
    expect((await endpoint.ask()).status).toBe(200);
  });

  it("requests at a time, of one source and of all, and honest ones go on afterwards", async () => {
    const endpoint = await setUp({ endpoint: { limits: { concurrent: 3, concurrentPerSource: 2 } } });
    const hang = (source: string): Promise<Response> =>
      endpoint.endpoint.handle(
        new Request(URL_, {
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: new ReadableStream({}),
          duplex: "half",
        } as RequestInit),
        { source },
      );
    const hanging = [hang("a"), hang("a")];
    const third = await hang("a");
    expect([third.status, third.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await endpoint.ask({ source: "b" })).status).toBe(200);
    hanging.push(hang("b"));
    expect((await endpoint.ask({ source: "c" })).status).toBe(503);
    await endpoint.runtime.advance(5_000);
    expect((await Promise.all(hanging)).map(({ status }) => status)).toEqual([408, 408, 408]);
    expect((await endpoint.ask({ source: "c" })).status).toBe(200);
  });

  it("requests in a minute, of one source and of all, those for the keys too", async () => {
    const endpoint = await setUp({ endpoint: { limits: { perMinute: 5, perMinutePerSource: 2 } } });
    for (let i = 0; i < 2; i++) expect((await endpoint.ask({ source: "a" })).status).toBe(200);
    const third = await endpoint.ask({ source: "a", url: "https://agents.example/jwks", method: "GET" });
    expect([third.status, third.body.error, third.headers.get("retry-after")]).toEqual([429, "temporarily_unavailable", "30"]);
    expect(endpoint.events.at(-1)).toMatchObject({ type: "refused", status: 429, source: "a" });
    for (const source of ["b", "c", "d"]) expect((await endpoint.ask({ source })).status).toBe(200);
    expect((await endpoint.ask({ source: "e" })).status).toBe(429);
    await endpoint.runtime.advance(30_000);
    expect((await endpoint.ask({ source: "a" })).status).toBe(200);
  });

  it("tokens of one agent in a minute: a stolen credential starves its owner only", async () => {
    const endpoint = await setUp({ endpoint: { limits: { perMinutePerAgent: 3 } } });
    for (let i = 0; i < 3; i++) expect((await endpoint.ask({ source: `s${i}` })).status).toBe(200);
    expect((await endpoint.ask({ source: "x" })).status).toBe(429);
    expect((await endpoint.ask({ claims: { sub: "acme/carol" } })).status).toBe(200);
  });

  it("keys of one agent at a time: a key that has a token gets another, a new one waits for an end", async () => {
    const endpoint = await setUp({ endpoint: { limits: { keysPerAgent: 2 } } });
    const third = await generateKey();
    for (const key of [agentKey, otherKey, agentKey]) expect((await endpoint.ask({ key })).status).toBe(200);
    expect((await endpoint.ask({ key: third })).status).toBe(503);
    expect((await endpoint.ask({ key: third, claims: { sub: "acme/carol" } })).status).toBe(200);
    await endpoint.runtime.advance(3_600_000);
    expect((await endpoint.ask({ key: third })).status).toBe(200);
  });

  it("used proofs, sources and keys that are remembered", async () => {
    const { clock, ...runtime } = createVirtualRuntime({ seed: 1 });
    const replays = createReplays(clock, 3);
    for (const once of ["a", "b", "c"]) replays.use(once);
    expect(codeOf(() => replays.use("d"))).toBe("overloaded");
    expect(codeOf(() => replays.use("a"))).toBe("invalid_token");
    await runtime.advance(130_000);
    expect(codeOf(() => replays.use("a"))).toBe("invalid_token");
    await runtime.advance(130_000);
    for (const once of ["a", "b", "c"]) replays.use(once);

    const rates = createRates(clock, 1, 100);
    for (let i = 0; i < 1_000; i++) rates.take(`source-${i}`);
    expect(rates.size).toBe(100);
    expect(codeOf(() => rates.take("source-999"))).toBe("rate_limited");

    const keys = createLiveKeys(2, 3);
    keys.add("a", "1", 100, 0);
    keys.add("a", "2", 100, 0);
    keys.add("b", "1", 200_000, 0);
    expect(codeOf(() => keys.add("c", "1", 100, 0))).toBe("overloaded");
    expect(codeOf(() => keys.add("a", "3", 100, 0))).toBe("overloaded");
    keys.add("c", "1", 300_000, 20_000);
    expect(keys.size).toBe(2);

    const places = createPlaces(2, 1);
    const leave = places.enter("a");
    expect(codeOf(() => places.enter("a"))).toBe("overloaded");
    leave();
    places.enter("a");
    places.enter(undefined);
    expect(codeOf(() => places.enter("b"))).toBe("overloaded");
  });
});

describe("events and failures", () => {
  it("a listener that throws harms nobody", async () => {
    const endpoint = await setUp({
      endpoint: {
        onEvent: () => {
          throw new Error("listener");
        },
      },
    });
    expect((await endpoint.ask()).status).toBe(200);
    expect((await endpoint.ask({ proof: null })).status).toBe(400);
  });

  it("what nobody foresaw is a 500 without a word, and reported", async () => {
    const endpoint = await setUp();
    const broken = new Proxy(new Request(URL_, { method: "POST", body: "x" }), {
      get: (target, name) => {
        if (name === "headers") throw new Error("secret detail");
        return Reflect.get(target, name) as unknown;
      },
    });
    const response = await endpoint.endpoint.handle(broken);
    expect([response.status, await response.text()]).toEqual([500, '{"error":"server_error","error_description":"The endpoint failed."}']);
    expect(endpoint.events.at(-1)).toMatchObject({ status: 500, reason: "The endpoint failed: see the cause." });
    const nowhere = await endpoint.endpoint.handle({ url: "nowhere" } as Request);
    expect(nowhere.status).toBe(500);
  });

  it("events and answers never hold a credential or a token", async () => {
    const endpoint = await setUp();
    const credential = await endpoint.credential();
    const { body } = await endpoint.ask({ credential });
    await endpoint.ask({ credential, claims: {}, proof: await signDpop(otherKey, { url: "https://x.example/", runtime: endpoint.runtime }) });
    await endpoint.ask({ credential: credential.replace(/.$/, "A"), form: { grant_type: exchange, subject_token_type: jwtType } });
    const told = JSON.stringify(endpoint.events);
    expect(endpoint.events).toHaveLength(3);
    for (const text of [credential.split(".")[2], (body.access_token as string).split(".")[2]]) expect(told).not.toContain(text);
  });
});
