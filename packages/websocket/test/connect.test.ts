import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address } from "@tightbeam/core/transport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { connectWebSocket, type WebSocketOptions } from "../src/index.js";
import { bytes, createFixture, errorOf, type Fixture, text, until } from "./fixture.js";

let fixture: Fixture;
let identity: WebSocketOptions["identity"];
beforeEach(async () => {
  fixture = await createFixture();
  identity = await fixture.enroll("alice");
});
afterEach(() => fixture.close());

const listening = async (server: Pick<Server, "listen" | "address" | "close">): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fixture.closeLater({ close: () => new Promise((resolve) => server.close(resolve)) });
  return (server.address() as AddressInfo).port;
};
const failing = (url: string, options: Partial<WebSocketOptions> = {}) => errorOf(connectWebSocket(url, { identity, connectTimeout: 1_000, ...options }));

describe("connectWebSocket says what is wrong with", () => {
  const urls: [url: string, message: RegExp][] = [
    ["not a url", /cannot be read/],
    ["http://127.0.0.1:1/", /begins with ws/],
    ["ws://user:secret@127.0.0.1:1/", /no user name or password/],
    ["ws://127.0.0.1:1/#x", /no fragment/],
  ];
  it.each(urls)("the URL %s", async (url, message) => {
    const error = await failing(url);
    expect(error).toMatchObject({ code: "invalid_argument", message: expect.stringMatching(message) });
    expect(error.message).not.toContain("secret");
  });

  const options: [name: string, options: object][] = [
    ["instance", { instance: "short" }],
    ["connectTimeout", { connectTimeout: -1 }],
    ["highWaterBytes", { highWaterBytes: Number.NaN }],
    ["inboxBytes", { inboxBytes: 10 }],
    ["maxFrameBytes", { maxFrameBytes: 1 }],
    ["reconnect.minMs", { reconnect: { minMs: 0 } }],
    ["identity", { identity: undefined }],
    ["identity", { identity: Promise.resolve() }],
    ["has no option 'timout'", { timout: 5 }],
    ["under reconnect has no option 'min'", { reconnect: { min: 5 } }],
    ["under tls has no option 'rejectUnauthorized'", { tls: { rejectUnauthorized: false } }],
  ];
  it("no options at all", async () => {
    expect(await errorOf(connectWebSocket("ws://127.0.0.1:1/", undefined as never))).toMatchObject({ code: "invalid_argument" });
  });
  it.each(options)("the option %s", async (name, wrong) => {
    expect(await failing("ws://127.0.0.1:1/", wrong)).toMatchObject({ code: "invalid_argument", message: expect.stringContaining(name) });
  });

  it("a closed port, with the address", async () => {
    const server = createTcp();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await failing(`ws://127.0.0.1:${port}/`)).toMatchObject({
      code: "unavailable",
      retryable: true,
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it("a host that does not exist", async () => {
    expect(await failing("ws://does-not-exist.invalid/", { connectTimeout: 5_000 })).toMatchObject({ code: "unavailable" });
  });

  it("an HTTP server that is no relay", async () => {
    const port = await listening(createHttp((_request, response) => response.end("hello")));
    expect(await failing(`ws://127.0.0.1:${port}/`)).toMatchObject({
      code: "failed",
      message: expect.stringMatching(/no Tightbeam relay|not a Tightbeam relay/),
    });
  });

  it("a relay at another path", async () => {
    const relay = await fixture.relay({ path: "/relay" });
    const error = await failing(`ws://127.0.0.1:${relay.port}/`);
    expect(error).toMatchObject({ code: "failed", message: expect.stringContaining("404") });
    expect(relay.url).toBe(`ws://127.0.0.1:${relay.port}/relay`);
    fixture.closeLater(await connectWebSocket(relay.url, { identity }));
  });

  it("a server that speaks something else over TCP", async () => {
    const port = await listening(createTcp((socket) => socket.resume().end("220 mail.example ESMTP\r\n")));
    expect(await failing(`ws://127.0.0.1:${port}/`)).toMatchObject({ code: "failed" });
  });

  it("a server that never answers", async () => {
    const port = await listening(createTcp((socket) => socket.resume().on("error", () => {})));
    expect(await failing(`ws://127.0.0.1:${port}/`, { connectTimeout: 100 })).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("in time"),
    });
  });

  const pretenders: [what: string, first: Uint8Array | string | undefined][] = [
    ["says nothing", undefined],
    ["talks at once", "welcome"],
    ["sends other bytes", new Uint8Array([1, 2, 3])],
    ["speaks a later version", new Uint8Array([1, 0, 0, 0, 0, 0, 0, 9, ...new Uint8Array(32)])],
  ];
  it.each(pretenders)("a WebSocket server that %s", async (_what, first) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (socket) => (first === undefined ? undefined : socket.send(first)));
    await new Promise((resolve) => server.once("listening", resolve));
    const error = await failing(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, { connectTimeout: 200 });
    expect(["failed", "unavailable"]).toContain(error.code);
    expect(error.message).toMatch(/not a Tightbeam relay|did not finish the login|speaks version 9/);
    for (const socket of server.clients) socket.terminate();
    server.close();
  });

  it("a host the relay does not answer for", async () => {
    const relay = await fixture.relay({ origins: ["wss://relay.example"] });
    expect(await failing(`ws://127.0.0.1:${relay.port}/`)).toMatchObject({ code: "denied", message: expect.stringContaining("403") });
  });

  it("a relay without room", async () => {
    const relay = await fixture.relay({ limits: { sockets: 1 } });
    fixture.closeLater(await connectWebSocket(relay.url, { identity }));
    expect(await failing(relay.url)).toMatchObject({ code: "unavailable", message: expect.stringContaining("503") });
  });

  it("an identity without token", async () => {
    const relay = await fixture.relay();
    const none = {
      ...identity,
      id: identity.id,
      key: identity.key,
      token: () => Promise.reject(new Error("the vault is sealed")),
    };
    expect(await failing(relay.url, { identity: none })).toMatchObject({ code: "denied", message: expect.stringContaining("the vault is sealed") });
  });
});

describe("over TLS", () => {
  const certificate = () => {
    const folder = mkdtempSync(join(tmpdir(), "tightbeam-tls-"));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key, "-out", cert, ...subject],
      {
        stdio: "ignore",
      },
    );
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  };

  it("names what is wrong with the certificate, and works when its CA is given", async () => {
    const { key, cert } = certificate();
    const server = createHttps({ key, cert });
    const port = await listening(server);
    const url = `wss://localhost:${port}/`;
    await fixture.relay({ server, origins: [new URL(url).origin] });
    expect(await failing(url)).toMatchObject({ code: "failed", message: expect.stringMatching(/TLS with .* failed: DEPTH_ZERO_SELF_SIGNED_CERT/) });
    expect(await failing(url, { tls: { ca: cert, servername: "other.example" } })).toMatchObject({
      message: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID"),
    });
    const transport = await connectWebSocket(url, { identity, tls: { ca: cert } });
    const at = address("inbox", "alice", transport.instance);
    const got: string[] = [];
    await transport.subscribe(at, (frame) => void got.push(text(frame)));
    await transport.send(at, bytes("over tls"));
    await until(() => got.length > 0, "a frame over TLS");
    await transport.close();
  });

  it("says so when a TLS client meets a plain relay", async () => {
    const relay = await fixture.relay();
    expect(await failing(`wss://127.0.0.1:${relay.port}/`)).toMatchObject({
      code: "failed",
      message: expect.stringContaining("speaks no TLS: dial it with ws://"),
    });
  });
});
