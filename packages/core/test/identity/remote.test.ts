import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type RemoteKeySetOptions, trust } from "../../src/identity/index.js";
import { createVirtualRuntime, type VirtualRuntime } from "../../src/runtime/index.js";
import { expectCode, forge, ISSUER, issuerKey, NOW, otherKey, printed, publish } from "./fixtures.js";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const set =
  (...keys: object[]): Answer =>
  (_, response) =>
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));

let server: Server;
let origin: string;
let answer: Answer;
let requests: string[];
let runtime: VirtualRuntime;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(String(request.url));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  answer = set(publish(issuerKey));
  runtime = createVirtualRuntime({ seed: 1 });
});
afterEach(() => vi.restoreAllMocks());

const connect = (options: RemoteKeySetOptions = {}, path = "/jwks") =>
  trust.jwksUrl(`${origin}${path}`, { issuer: ISSUER, allowInsecure: true, runtime, ...options });
const good = await forge();
const unknown = await Promise.all(Array.from({ length: 20 }, (_, i) => forge({ header: { kid: `unknown-${i}` } })));

describe("trust.jwksUrl over HTTP", () => {
  it("fetches on first use, once, and again when the set is a minute old", async () => {
    const remote = connect();
    expect(requests).toEqual([]);
    const verified = await Promise.all(Array.from({ length: 50 }, () => remote.verify(good, { now: NOW })));
    expect(verified[0]?.id).toBe("alice");
    expect(requests).toEqual(["/jwks"]);
    await runtime.advance(59_999);
    await remote.verify(good, { now: NOW });
    expect(requests).toHaveLength(1);
    await runtime.advance(1);
    await Promise.all([remote.verify(good, { now: NOW }), remote.verify(good, { now: NOW })]);
    expect(requests).toHaveLength(2);
  });

  it("TM-08 stops accepting a removed key within a minute, for new tokens and for live sessions", async () => {
    answer = set(publish(issuerKey), publish(otherKey));
    const remote = connect();
    const verified = await remote.verify(good, { now: NOW });
    await remote.recheck(verified, { now: NOW });
    answer = set(publish(otherKey));
    await runtime.advance(60_000);
    await expectCode(remote.recheck(verified, { now: NOW }), "revoked_token");
    await expectCode(remote.verify(good, { now: NOW }), "invalid_token");
  });

  it("learns a new key at once when its kid is unknown, outside the cool-down", async () => {
    answer = set(publish(otherKey));
    const remote = connect();
    await remote.verify(await forge({ key: otherKey }), { now: NOW });
    answer = set(publish(otherKey), publish(issuerKey));
    await expectCode(remote.verify(good, { now: NOW }), "invalid_token");
    expect(requests).toHaveLength(1);
    await runtime.advance(10_000);
    expect((await remote.verify(good, { now: NOW })).id).toBe("alice");
    expect(requests).toHaveLength(2);
  });

  it("TM-13 bounds a flood of unknown kids: one fetch in flight, then a cool-down", async () => {
    const remote = connect();
    await remote.verify(good, { now: NOW });
    await runtime.advance(10_000);
    let release: (() => void) | undefined;
    answer = (request, response) => {
      release = () => set(publish(issuerKey))(request, response);
    };
    const flood = Promise.all(
      Array.from({ length: 500 }, (_, i) => remote.verify(unknown[i % unknown.length] as string, { now: NOW }).catch((error) => error.code)),
    );
    await vi.waitFor(() => expect(release).toBeDefined());
    // Known keys do not wait for the flood's fetch.
    expect((await remote.verify(good, { now: NOW })).id).toBe("alice");
    release?.();
    expect(new Set(await flood)).toEqual(new Set(["invalid_token"]));
    expect(requests).toHaveLength(2);
    answer = set(publish(issuerKey));
    for (let second = 0; second < 60; second++) {
      await runtime.advance(1_000);
      for (const token of unknown) await expectCode(remote.verify(token, { now: NOW }), "invalid_token");
    }
    expect(requests.length).toBeLessThanOrEqual(2 + 7);
  });
});

describe("an issuer that misbehaves gives issuer_unavailable", () => {
  const cases: [string, Answer][] = [
    ["status 500", (_, response) => response.writeHead(500).end()],
    ["status 404 with a good body", (_, response) => response.writeHead(404).end(JSON.stringify({ keys: [publish(issuerKey)] }))],
    ["status 203", (_, response) => response.writeHead(203).end(JSON.stringify({ keys: [publish(issuerKey)] }))],
    [
      "a redirect to a good set",
      (request, response) => (request.url === "/good" ? set(publish(issuerKey))(request, response) : response.writeHead(302, { location: "/good" }).end()),
    ],
    ["a permanent redirect elsewhere", (_, response) => response.writeHead(308, { location: "https://attacker.example/" }).end()],
    ["a declared length of 10 MB", (_, response) => response.writeHead(200, { "content-length": 10_000_000 }).end("{}")],
    ["10 MB without a length", (_, response) => response.end(Buffer.alloc(10_000_000, 0x20))],
    ["one byte too many", (_, response) => response.write(" ".repeat(65_536), () => response.end(" "))],
    ["65 keys", set(...Array.from({ length: 65 }, (_, i) => publish(issuerKey, { kid: String(i) })))],
    ["a private key among them", set(publish(issuerKey), { ...publish(otherKey), d: "AAAA" })],
    ["a symmetric key among them", set(publish(issuerKey), { kty: "oct", k: "AAAA" })],
    ["no keys", set()],
    ["HTML", (_, response) => response.end("<html></html>")],
    ["an empty body", (_, response) => response.end()],
    ["a set with keys twice", (_, response) => response.end(`{"keys":[],"keys":[${JSON.stringify(publish(issuerKey))}]}`)],
    ["bytes that are not UTF-8", (_, response) => response.end(Buffer.from([0x7b, 0xff, 0x7d]))],
    ["a socket cut before the answer", (request) => request.socket.destroy()],
    ["a socket cut in the middle", (request, response) => response.writeHead(200, { "content-length": 1_000 }).write("{", () => request.socket.destroy())],
  ];
  it.each(cases)("%s", async (_, misbehave) => {
    answer = misbehave;
    const remote = connect();
    const error = await expectCode(remote.verify(good, { now: NOW }), "issuer_unavailable");
    expect(error.retryable).toBe(true);
    expect(error.retryAfter).toBeGreaterThan(0);
    expect(requests).not.toContain("/good");
    expect(printed(error)).not.toContain(good.split(".")[2]);
    // It recovers by itself.
    answer = set(publish(issuerKey));
    await runtime.advance(1_000);
    expect((await remote.verify(good, { now: NOW })).id).toBe("alice");
  });

  it("no answer within the timeout, and again none, with growing pauses between fetches", async () => {
    answer = () => undefined;
    const remote = connect({ timeout: 2_000 });
    const first = expectCode(remote.verify(good, { now: NOW }), "issuer_unavailable");
    await vi.waitFor(() => expect(requests).toHaveLength(1));
    await runtime.advance(2_000);
    expect((await first).cause).toMatchObject({ message: expect.stringContaining("2000 ms") });
    answer = (_, response) => response.writeHead(503).end();
    for (let second = 0; second < 120; second++) {
      await runtime.advance(1_000);
      await expectCode(remote.verify(good, { now: NOW }), "issuer_unavailable");
    }
    expect(requests.length).toBeGreaterThan(4);
    expect(requests.length).toBeLessThan(10);
  });

  it("uses the last set for a bounded time while the issuer is down", async () => {
    const remote = connect({ staleFor: 300_000 });
    const verified = await remote.verify(good, { now: NOW });
    answer = (request) => request.socket.destroy();
    await runtime.advance(359_999);
    expect((await remote.verify(good, { now: NOW })).id).toBe("alice");
    await remote.recheck(verified, { now: NOW });
    await expectCode(remote.verify(unknown[0] as string, { now: NOW }), "invalid_token");
    await runtime.advance(1);
    await expectCode(remote.verify(good, { now: NOW }), "issuer_unavailable");
    await expectCode(remote.recheck(verified, { now: NOW }), "issuer_unavailable");
  });

  it("uses no stale set where that is turned off", async () => {
    const remote = connect({ staleFor: 0 });
    await remote.verify(good, { now: NOW });
    answer = (request) => request.socket.destroy();
    await runtime.advance(60_000);
    await expectCode(remote.verify(good, { now: NOW }), "issuer_unavailable");
  });
});

describe("a fetch of the application's own", () => {
  const respond = (body: unknown, init?: ResponseInit) => vi.fn<typeof globalThis.fetch>(async () => new Response(JSON.stringify(body), init));

  it("is called without credentials, without following redirects", async () => {
    const fetch = respond({ keys: [publish(issuerKey)] });
    const remote = trust.jwksUrl("https://auth.example/jwks", { issuer: ISSUER, fetch, runtime });
    expect((await remote.verify(good, { now: NOW })).id).toBe("alice");
    expect(fetch.mock.calls[0]?.[0]).toBe("https://auth.example/jwks");
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({ redirect: "error", credentials: "omit", cache: "no-store" });
  });

  it("that followed a redirect all the same is refused", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(async () =>
      Object.defineProperty(new Response(JSON.stringify({ keys: [publish(issuerKey)] })), "redirected", { value: true }),
    );
    await expectCode(trust.jwksUrl("https://auth.example/jwks", { issuer: ISSUER, fetch, runtime }).verify(good, { now: NOW }), "issuer_unavailable");
  });

  it("that never settles and ignores its signal is left behind", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(() => new Promise<Response>(() => undefined));
    const waiting = expectCode(trust.jwksUrl("https://auth.example/jwks", { issuer: ISSUER, fetch, runtime }).verify(good, { now: NOW }), "issuer_unavailable");
    await vi.waitFor(() => expect(fetch).toHaveBeenCalled());
    await runtime.advance(5_000);
    await waiting;
  });
});

describe("a JWKS URL is refused at once", () => {
  it.each([
    ["http:", "http://auth.example/jwks", {}],
    ["http: on loopback unless allowed", "http://127.0.0.1/jwks", {}],
    ["http: elsewhere even if allowed", "http://auth.example/jwks", { allowInsecure: true }],
    ["http: on a name that begins like loopback", "http://127.0.0.1.attacker.example/jwks", { allowInsecure: true }],
    ["http: on localhost of somebody else", "http://localhost.attacker.example/jwks", { allowInsecure: true }],
    ["file:", "file:///etc/jwks.json", { allowInsecure: true }],
    ["data:", "data:application/json,{}", { allowInsecure: true }],
    ["a password", "https://user:secret@auth.example/jwks", {}],
    ["no URL", "auth.example", {}],
  ])("%s", (_, url, options) => {
    let thrown: unknown;
    try {
      trust.jwksUrl(url, { issuer: ISSUER, ...options });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: "invalid_argument" });
    expect(printed(thrown)).not.toContain("secret");
  });

  it("with impossible times", () => {
    for (const options of [{ timeout: -1 }, { maxAge: Number.NaN }, { cooldown: Number.POSITIVE_INFINITY }, { staleFor: "1h" as unknown as number }])
      expect(() => connect(options)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("accepts every spelling of loopback where allowed", () => {
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
      expect(() => trust.jwksUrl(`http://${host}:1/jwks`, { issuer: ISSUER, allowInsecure: true })).not.toThrow();
  });
});
