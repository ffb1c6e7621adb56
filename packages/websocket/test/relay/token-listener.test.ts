import { createServer, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { createAuthority, generateSecret, identityFromAuthority, type RequestOrigin, type TokenEvent, trust } from "@tightbeam/core/identity";
import { afterEach, describe, expect, it } from "vitest";
import { connectWebSocket } from "../../src/index.js";
import { createRelay, tokenListener } from "../../src/relay/index.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Seen extends RequestOrigin {
  readonly method: string;
  readonly path: string;
  readonly header: string | null;
  readonly body: string;
}

/** Tells what it was asked. */
async function echo(options?: Parameters<typeof tokenListener>[1]) {
  const seen: Seen[] = [];
  const handle = async (request: Request, origin: RequestOrigin = {}): Promise<Response> => {
    seen.push({ method: request.method, path: new URL(request.url).pathname, header: request.headers.get("dpop"), body: await request.text(), ...origin });
    return new Response('{"ok":true}', { status: 201, headers: { "content-type": "application/json", "dpop-nonce": "n" } });
  };
  return { origin: await listen(createServer(tokenListener({ handle }, options))), seen };
}

/** What a client that writes bytes itself gets back. */
function raw(origin: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connectTcp(Number(new URL(origin).port), "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

describe("tokenListener", () => {
  it("hands a request over and its answer back", async () => {
    const { origin, seen } = await echo();
    const response = await fetch(`${origin}/token?x=1`, { method: "POST", headers: { dpop: "proof" }, body: "a=b".repeat(20_000) });
    expect([response.status, response.headers.get("dpop-nonce"), await response.json()]).toEqual([201, "n", { ok: true }]);
    expect((await fetch(`${origin}/jwks`)).status).toBe(201);
    expect(seen).toEqual([
      { method: "POST", path: "/token", header: "proof", body: "a=b".repeat(20_000), source: "127.0.0.1" },
      { method: "GET", path: "/jwks", header: null, body: "", source: "127.0.0.1" },
    ]);
  });

  it("takes only the path of a target, and counts as it is told", async () => {
    const { origin, seen } = await echo({ source: ({ headers }) => String(headers["x-real-ip"]) });
    for (const [target, host] of [
      ["http://evil.example/token", "evil.example"],
      ["//evil.example/token", "evil.example"],
      ["/token", "evil.example"],
    ])
      await raw(origin, `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Real-IP: 192.0.2.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`);
    expect(seen.map(({ path, source }) => [path, source])).toEqual([
      ["/", "192.0.2.1"],
      ["//evil.example/token", "192.0.2.1"],
      ["/token", "192.0.2.1"],
    ]);
  });

  it("keeps two headers of one name apart from one", async () => {
    const { origin, seen } = await echo();
    await raw(origin, "POST /token HTTP/1.1\r\nHost: x\r\nDPoP: a\r\nDPoP: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect(seen[0]?.header).toBe("a, b");
  });

  it.each(["TRACE", "CONNECTX"])("refuses what is no request for it: %s", async (method) => {
    const { origin } = await echo();
    expect(await raw(origin, `${method} /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400/);
  });

  it("answers a body that is too large before it has come, and closes", async () => {
    const authority = await createAuthority();
    const events: TokenEvent[] = [];
    const options = { url: "https://agents.example/token", credentials: [{ type: "secret", secret: generateSecret() }] as const };
    const endpoint = await authority.accept({ ...options, onEvent: (event) => events.push(event) });
    const origin = await listen(createServer(tokenListener(endpoint)));
    const head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    expect(await raw(origin, `${head}Content-Length: 1000000\r\n\r\nx`)).toMatch(/^HTTP\/1\.1 413[\s\S]*connection: close/i);
    expect(await raw(origin, `${head}Transfer-Encoding: chunked\r\n\r\n5000\r\n${"x".repeat(0x5000)}\r\n`)).toMatch(/^HTTP\/1\.1 413/);
    // A client that goes away in the middle.
    const gone = httpRequest(`${origin}/token`, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded", "content-length": 100 } });
    gone.on("error", () => undefined);
    gone.write("grant_type=");
    await expect.poll(() => gone.socket?.bytesWritten ?? 0).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    gone.destroy();
    await expect.poll(() => events.length).toBe(3);
    expect(events[2]).toMatchObject({ type: "refused", reason: "The body broke off." });
    expect((await fetch(`${origin}/jwks`)).status).toBe(200);
  });

  it("stands beside a relay on one server: enrol, log in, and nothing else is needed", async () => {
    const authority = await createAuthority({ issuer: "https://agents.example" });
    const secret = generateSecret();
    const server = createServer();
    const origin = await listen(server);
    const permissions = ["transport:presence"];
    const endpoint = await authority.accept({ url: `${origin}/token`, allowInsecure: true, credentials: [{ type: "secret", secret, permissions }] });
    server.on("request", tokenListener(endpoint));
    // The relay knows the authority as anybody else does: by its published keys.
    const keys = trust.jwksUrl(`${origin}/jwks`, { issuer: authority.issuer, allowInsecure: true });
    const relay = await createRelay({ server, trust: keys, origins: [origin.replace("http", "ws")] });
    const identity = await identityFromAuthority({ id: "bob", url: `${origin}/token`, allowInsecure: true, secret });
    const transport = await connectWebSocket(relay.url, { identity });
    expect(transport.state.current).toBe("up");
    await transport.close();
    await relay.close();
    identity.close();
  });
});
