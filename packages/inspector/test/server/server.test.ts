import { once } from "node:events";
import { connect } from "node:net";
import { systemRuntime } from "@tightbeam/core/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FeedBatch } from "../../src/feed/types.js";
import { type InspectorServer, type InspectorServerOptions, startServer } from "../../src/server/server.js";
import { createFakeFeed, type FakeFeed } from "../fake-feed.js";
import { ask, raw } from "./request.js";

const text = (content: string, type: string) => ({ type, body: Buffer.from(content) });
const page = new Map([
  ["/", text("<!doctype html>", "text/html; charset=utf-8")],
  ["/main.js", text("1;", "text/javascript; charset=utf-8")],
]);

let feed: FakeFeed;
let server: InspectorServer;
let port: number;
const portOf = ({ url }: InspectorServer): number => Number(new URL(url).port);

async function start(options: Partial<InspectorServerOptions> = {}): Promise<void> {
  await server?.close();
  server = await startServer({ feed, runtime: systemRuntime(), page, ...options });
  port = portOf(server);
}

beforeEach(async () => {
  feed = createFakeFeed({ timer: false, actions: true, start: 1_800_000_000_000 });
  await start();
});
afterEach(async () => {
  feed.stop();
  await server.close();
});

const letterFields = (): { agent: string; id: string } => {
  const agent = feed.whole().agents.find(({ deadLetters }) => (deadLetters?.count ?? 0) > 0);
  if (agent === undefined) throw new Error("the fake feed has no letter");
  return { agent: agent.key, id: "" };
};
const firstLetter = async (): Promise<string> => {
  const { agent } = letterFields();
  const { letters } = await feed.ask("letters", { agent });
  return JSON.stringify({ agent, id: letters[0]?.id });
};

describe("the inspector's server", () => {
  it("gives the page to whoever opens it, and nothing else without the token", async () => {
    const opened = await ask(port, "", { path: "/", headers: { "sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" } });
    expect(opened).toMatchObject({ status: 200, body: "<!doctype html>" });
    expect((await ask(port, "", { path: "/main.js" })).status).toBe(200);
    expect((await ask(port, server.token, { path: "/api/letters?agent=x" })).status).toBe(404);
    expect((await ask(port, "", { path: "/api/feed" })).status).toBe(401);
  });

  it("[TM-227] answers data only to the token of this start, once, in its header", async () => {
    const query = `agent=${encodeURIComponent(letterFields().agent)}`;
    const path = `/api/letters?${query}`;
    expect((await ask(port, server.token, { path })).status).toBe(200);
    for (const token of ["", "0".repeat(64), server.token.slice(1), `${server.token}0`, server.token.toUpperCase().replace(/[0-9]/g, "x")])
      expect((await ask(port, token, { path })).status, token).toBe(401);
    expect((await ask(port, "", { path: `${path}&token=${server.token}` })).status).toBe(401);
    expect((await ask(port, "", { path, headers: { authorization: `Bearer ${server.token}`, cookie: `token=${server.token}` } })).status).toBe(401);
    const twice = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-tightbeam-inspector: ${server.token}\r\nx-tightbeam-inspector: ${server.token}\r\nconnection: close\r\n\r\n`;
    expect((await raw(port, twice)).status).toBe(401);
    const { token } = server;
    await start();
    expect(server.token).not.toBe(token);
    expect(server.token).toMatch(/^[0-9a-f]{64}$/);
    expect((await ask(port, token, { path })).status).toBe(401);
  });

  it("[TM-226] is not reached under another name, as a name that points at 127.0.0.1 would (DNS rebinding)", async () => {
    const names = [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      `127.0.0.1:${port + 1}`,
      `127.0.0.1.evil.example:${port}`,
      `[::1]:${port}`,
      `user@127.0.0.1:${port}`,
    ];
    for (const path of ["/", "/api/feed", "/api/letters?agent=x"])
      for (const host of names) expect((await ask(port, server.token, { path, headers: { host } })).status, host).toBe(421);
    expect((await ask(port, server.token, { path: "/", headers: { host: `LOCALHOST:${port}` } })).status).toBe(200);
    const two = `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nhost: evil.example\r\nconnection: close\r\n\r\n`;
    expect((await raw(port, two)).status).not.toBe(200);
    expect((await raw(port, "GET / HTTP/1.1\r\nconnection: close\r\n\r\n")).status).toBe(400);
    expect((await raw(port, `GET http://evil.example/ HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`)).status).toBe(404);
  });

  it("[TM-228] refuses other origins, also with the token: named, null, missing, or by what the browser says of the site", async () => {
    await start({ allowActions: true });
    const body = await firstLetter();
    const path = "/api/replay";
    const origins = [
      "http://evil.example",
      "null",
      `https://127.0.0.1:${port}`,
      `http://localhost:${port}`,
      `http://127.0.0.1:${port + 1}`,
      `http://127.0.0.1:${port}/`,
      "",
    ];
    for (const origin of origins) expect((await ask(port, server.token, { method: "POST", path, body, headers: { origin } })).status, origin).toBe(403);
    for (const site of ["cross-site", "same-site", "none"]) {
      expect((await ask(port, server.token, { method: "POST", path, body, headers: { "sec-fetch-site": site } })).status, site).toBe(403);
      expect((await ask(port, server.token, { path: "/api/feed", headers: { "sec-fetch-site": site } })).status, site).toBe(403);
      expect((await ask(port, "", { path: "/main.js", headers: { "sec-fetch-site": site } })).status, site).toBe(403);
    }
    expect((await ask(port, server.token, { path: "/api/feed", headers: { origin: "null" } })).status).toBe(403);
    // A link may be followed from a chat or a mail.
    const followed = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect((await ask(port, "", { path: "/", headers: followed })).status).toBe(200);
    const framed = { ...followed, "sec-fetch-dest": "iframe" };
    expect((await ask(port, "", { path: "/", headers: framed })).status).toBe(403);
    // What refuses says nothing that would let another origin read it.
    const asked = await ask(port, server.token, {
      method: "OPTIONS",
      path,
      headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
    });
    expect(asked.status).toBe(403);
    expect(asked.head.toLowerCase()).not.toContain("access-control");
    expect((await feed.ask("letters", { agent: letterFields().agent })).letters.length).toBeGreaterThan(0);
    expect((await ask(port, server.token, { method: "POST", path, body })).status).toBe(200);
  });

  it("[TM-229] says to browsers that nothing from elsewhere is loaded, framed or kept", async () => {
    for (const path of ["/", "/main.js", "/nothing", "/api/letters?agent=x"]) {
      const { head } = await ask(port, server.token, { path });
      expect(head).toContain(
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      );
      for (const line of ["x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store", "x-frame-options: DENY"])
        expect(head).toContain(line);
      for (const line of ["cross-origin-opener-policy: same-origin", "cross-origin-resource-policy: same-origin"]) expect(head).toContain(line);
      expect(head.toLowerCase()).not.toContain("access-control");
    }
  });

  it("[TM-230] only shows, unless it was started to act", async () => {
    const body = await firstLetter();
    for (const name of ["replay", "discard"]) {
      const refused = await ask(port, server.token, { method: "POST", path: `/api/${name}`, body });
      expect(refused.status).toBe(403);
      expect(JSON.parse(refused.body)).toMatchObject({ error: { code: "denied" } });
    }
    const count = (await feed.ask("letters", { agent: letterFields().agent })).letters.length;
    await start({ allowActions: true });
    expect(JSON.parse((await ask(port, server.token, { method: "POST", path: "/api/discard", body })).body)).toEqual({ discarded: 1 });
    const left = feed.whole().agents.find(({ key }) => key === (JSON.parse(body) as { agent: string }).agent)?.deadLetters?.count;
    expect(left).toBe(count - 1);
  });

  it("takes each request by its one method", async () => {
    await start({ allowActions: true });
    const body = await firstLetter();
    const origin = { origin: `http://127.0.0.1:${port}` };
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"]) {
      expect((await ask(port, server.token, { method, path: "/", headers: origin })).status, method).toBe(405);
      expect((await ask(port, server.token, { method, path: "/api/letters?agent=x", headers: origin })).status, method).toBe(405);
      expect((await ask(port, server.token, { method, path: "/api/feed", headers: origin })).status, method).toBe(405);
    }
    for (const method of ["GET", "PUT", "DELETE"])
      expect((await ask(port, server.token, { method, path: "/api/replay", body, headers: origin })).status, method).toBe(405);
  });

  it("[TM-231] reads an action only as JSON, of at most 4 KiB, with the fields it has", async () => {
    await start({ allowActions: true });
    const act = (body: string, headers = {}) => ask(port, server.token, { method: "POST", path: "/api/replay", body, headers });
    const body = await firstLetter();
    expect((await act(body, { "content-type": "text/plain" })).status).toBe(400);
    expect((await act(body, { "content-type": "" })).status).toBe(400);
    expect((await act("{")).status).toBe(400);
    expect((await act("[]")).status).toBe(400);
    expect((await act("null")).status).toBe(400);
    expect((await act(JSON.stringify({ agent: "a", id: "b", more: 1 }))).status).toBe(400);
    expect((await act('{"agent":"a","id":"b","__proto__":{"allow":true}}')).status).toBe(400);
    expect((await act(JSON.stringify({ agent: ["a"], id: { $gt: "" } }))).status).toBe(400);
    expect((await act(JSON.stringify({ agent: "a".repeat(5_000), id: "b" }))).status).toBe(413);
    const endless = `POST /api/replay HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\norigin: http://127.0.0.1:${port}\r\nx-tightbeam-inspector: ${server.token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1400\r\n${"a".repeat(0x1400)}\r\n`;
    expect((await raw(port, endless)).status).toBe(413);
    const refusal = await act(JSON.stringify({ agent: "a", id: "b", secret: "hunter2" }));
    expect(refusal.body).not.toContain("hunter2");
  });

  it("takes a query's fields once each, and none that is not one", async () => {
    const agent = encodeURIComponent(letterFields().agent);
    for (const query of [
      `agent=${agent}&agent=${agent}`,
      `agent=${agent}&limit=0`,
      `agent=${agent}&limit=201`,
      `agent=${agent}&limit=1e9`,
      `agent=${agent}&x=1`,
      `agent=${agent}&__proto__=1`,
      `__proto__=1`,
      `constructor=1`,
      `agent=${"a".repeat(400)}`,
      "",
    ])
      expect((await ask(port, server.token, { path: `/api/letters?${query}` })).status, query).toBe(400);
    expect((await ask(port, server.token, { path: "/api/trace?id=__proto__" })).status).toBe(400);
    expect((await ask(port, server.token, { path: `/api/letters?agent=${agent}&limit=1` })).status).toBe(200);
  });

  it("[TM-232] knows its paths as they are written, and reads no file that a request names", async () => {
    const paths = [
      "/../package.json",
      "/..%2fpackage.json",
      "/%2e%2e/package.json",
      "/./",
      "//",
      "/main.js/",
      "/MAIN.JS",
      "/%6dain.js",
      "/main.js%00",
      "/api/__proto__",
      "/api/constructor",
      "/api/toString",
      "/api/",
      "/api",
      "/LICENSES.txt",
      "/api/letters/../replay",
    ];
    for (const path of paths) expect((await ask(port, server.token, { path })).status, path).toBe(404);
  });

  it("feeds a page: everything first, then what changes, in order", async () => {
    const headers = { "x-tightbeam-inspector": server.token };
    const response = await fetch(`http://127.0.0.1:${port}/api/feed`, { headers });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    const batches: FeedBatch[] = [];
    let rest = "";
    const until = async (count: number): Promise<void> => {
      while (batches.length < count) {
        rest += decoder.decode((await reader.read()).value, { stream: true });
        const events = rest.split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) if (event.startsWith("data: ")) batches.push(JSON.parse(event.slice(6)) as FeedBatch);
      }
    };
    await until(1);
    feed.tick();
    feed.tick();
    await until(3);
    expect(batches.map(({ whole }) => whole)).toEqual([true, false, false]);
    expect(batches[0]?.about).toMatchObject({ version: 1, actions: true });
    expect(batches[2]?.sequence).toBe((batches[0] as FeedBatch).sequence + 2);
    await reader.cancel();
  });

  it("[TM-233] feeds so many pages at once and no more, and forgets those that leave", async () => {
    await start({ maxPages: 2 });
    const open = async (): Promise<{ status: number; leave(): void }> => {
      const leaving = new AbortController();
      const { status } = await fetch(`http://127.0.0.1:${port}/api/feed`, { headers: { "x-tightbeam-inspector": server.token }, signal: leaving.signal });
      return { status, leave: () => leaving.abort() };
    };
    const first = await open();
    const second = await open();
    expect([first.status, second.status, (await open()).status]).toEqual([200, 200, 503]);
    first.leave();
    await expect.poll(async () => (await open()).status, { timeout: 10_000 }).toBe(200);
    second.leave();
  });

  it("[TM-233] drops a page that does not read, and keeps nothing for it", async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.pause();
    socket.on("error", () => undefined);
    socket.write(`GET /api/feed HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-tightbeam-inspector: ${server.token}\r\n\r\n`);
    let fed = 0;
    const big: FeedBatch = {
      ...feed.whole(),
      about: { version: 1, actions: false, reveal: false, traces: false, latencyBounds: Array.from({ length: 200_000 }, () => 1.5) },
    };
    const real = feed.whole;
    feed.whole = () => big;
    const listeners: ((batch: FeedBatch) => void)[] = [];
    const subscribe = feed.subscribe;
    feed.subscribe = (listener) => {
      listeners.push(listener);
      const stop = subscribe(listener);
      return () => {
        listeners.splice(listeners.indexOf(listener), 1);
        stop();
      };
    };
    await expect.poll(() => listeners.length, { timeout: 10_000 }).toBe(1);
    // About 800 KB each: 16 MiB may wait beside what the sockets hold.
    while (listeners.length > 0 && fed < 200) {
      for (const listener of listeners) listener(big);
      fed += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(listeners.length).toBe(0);
    expect(fed).toBeLessThan(200);
    feed.whole = real;
    socket.destroy();
  });

  it("[TM-234] listens to this machine only, unless it is told under which names others may come", async () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
      await expect(startServer({ feed, runtime: systemRuntime(), page, host }), host).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(startServer({ feed, runtime: systemRuntime(), page, host: "0.0.0.0", allowNetwork: [] })).rejects.toMatchObject({ code: "invalid_argument" });
    const open = await startServer({ feed, runtime: systemRuntime(), page, host: "0.0.0.0", allowNetwork: ["build-7.lan"] });
    try {
      const at = portOf(open);
      expect(open.url).toMatch(/^http:\/\/build-7\.lan:\d+\/#token=/);
      expect((await ask(at, open.token, { path: "/", headers: { host: `build-7.lan:${at}` } })).status).toBe(200);
      expect((await ask(at, open.token, { path: "/" })).status).toBe(421);
    } finally {
      await open.close();
    }
  });

  it("[TM-228] is opened behind a proxy with TLS under the origin that it was told, which may act, and no other", async () => {
    const at = port;
    await start({ port: at, allowActions: true, allowNetwork: ["https://Inspect.example", "ignored.lan"] });
    port = at;
    expect(server.url).toBe(`https://inspect.example/#token=${server.token}`);
    const path = "/api/replay";
    const body = await firstLetter();
    const act = (host: string, origin: string) => ask(port, server.token, { method: "POST", path, body, headers: { host, origin } });
    expect((await act("inspect.example", "https://inspect.example")).status).toBe(200);
    for (const origin of ["http://inspect.example", "https://inspect.example:8443", "https://evil.example", `http://127.0.0.1:${port}`])
      expect((await act("inspect.example", origin)).status, origin).toBe(403);
    for (const host of [`inspect.example:${port}`, "inspect.example.", "ignored.lan", `ignored.lan:${port}`])
      expect((await ask(port, server.token, { path: "/", headers: { host } })).status, host).toBe(421);
    // On the machine itself it is what it was.
    expect((await ask(port, "", { path: "/" })).status).toBe(200);
  });

  it("says which port is taken", async () => {
    await expect(startServer({ feed, runtime: systemRuntime(), page, port })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`${port}`),
    });
  });

  it("answers what fails inside without a word of it", async () => {
    feed.ask = () => Promise.reject(new Error("a secret path"));
    const agent = encodeURIComponent(letterFields().agent);
    const failed = await ask(port, server.token, { path: `/api/letters?agent=${agent}` });
    expect(failed.status).toBe(500);
    expect(failed.body).not.toContain("secret");
  });

  it("ends at once with pages open, and twice", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/api/feed`, { headers: { "x-tightbeam-inspector": server.token } });
    await Promise.all([server.close(), server.close()]);
    await expect(response.text()).rejects.toThrow();
  });
});
