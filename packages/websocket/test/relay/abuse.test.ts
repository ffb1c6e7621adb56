import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseExposition } from "../../../core/test/observability/monitor/exposition-parser.js";
import { asciiBytes, encodeFrame, frameType, noBytes, subprotocol } from "../../src/protocol.js";
import { reasonOfClose } from "../../src/reasons.js";
import type { Relay, RelayStats } from "../../src/relay/index.js";
import { createFixture, type Fixture, until } from "../fixture.js";
import { instanceOf, logIn, loginBody, type RawClient, subscribe } from "../raw.js";

/*
 * BAD-INPUTS A against a live relay, byte by byte over TCP. After each row an honest pair makes a round trip on the same relay, and nothing was left unhandled.
 */

const maxFrameBytes = 32 * 1024;
/** Not less: on a busy machine this process, which is both ends, would not answer its own pings in time. */
const heartbeatMs = 1_000;
const [a, b, m] = [instanceOf("a"), instanceOf("b"), instanceOf("m")];
let fixture: Fixture;
let relay: Relay;
let honest: RawClient;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

beforeAll(async () => {
  process.on("unhandledRejection", note);
  fixture = await createFixture();
  relay = await fixture.relay({
    monitoring: {},
    limits: { maxFrameBytes, loginMs: 600, heartbeatMs, unauthenticatedPerAddress: 24, controlPerSecond: 20 },
  });
  honest = await logIn(relay.url, await fixture.enroll("honest"), a);
  honest.socket.on("message", (data: Buffer) => {
    if (data[0] === frameType.ping) honest.send(frameType.pong, 0);
  });
  await subscribe(honest, 1, `inbox/honest/${a}`);
});
afterAll(async () => {
  honest.socket.close();
  await fixture.close();
  process.off("unhandledRejection", note);
});

/** A TCP connection that collects what comes back. */
interface Wire {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received(): Buffer;
  write(...parts: (string | Uint8Array)[]): void;
}

function dialTcp(): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connect(relay.port, "127.0.0.1");
    let got = Buffer.alloc(0);
    const closed = new Promise<void>((settle) => socket.once("close", () => settle()));
    socket.on("data", (chunk) => {
      got = Buffer.concat([got, chunk]);
    });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.on("error", () => {});
      resolve({ socket, closed, received: () => got, write: (...parts) => parts.forEach((part) => void socket.write(part)) });
    });
  });
}

const request = (headers: Record<string, string> = {}, path = "/"): string => {
  const all: Record<string, string> = {
    Host: `127.0.0.1:${relay.port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": subprotocol,
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== "");
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n`;
};

/** Upgraded, with the challenge read. */
async function upgraded(headers?: Record<string, string>): Promise<Wire & { nonce: Uint8Array }> {
  const wire = await dialTcp();
  wire.write(request(headers));
  await until(() => wire.received().includes("\r\n\r\n") && afterHead(wire).length >= 42, "the challenge");
  return { ...wire, nonce: new Uint8Array(afterHead(wire).subarray(2 + 7 + 1, 2 + 7 + 33)) };
}
const afterHead = (wire: Wire): Buffer => wire.received().subarray(wire.received().indexOf("\r\n\r\n") + 4);

/** Logged in as `mallory`, over the same raw connection. */
async function insider(): Promise<Wire> {
  const wire = await upgraded();
  const identity = await fixture.enroll("mallory");
  const body = await loginBody({ nonce: wire.nonce } as RawClient, identity, m, new URL(relay.url).origin);
  const before = relay.stats().logins;
  wire.write(clientFrame(0x82, encodeFrame(frameType.login, 0, noBytes, body)));
  await until(() => relay.stats().logins > before, "the login");
  return wire;
}

/** RFC 6455, 5.2. The mask is zero, which unmasks to the same bytes. */
function clientFrame(
  first: number,
  payload: Uint8Array,
  { masked = true, length = payload.length }: { masked?: boolean; length?: number | bigint } = {},
): Buffer {
  const bit = masked ? 0x80 : 0;
  const head =
    length < 126
      ? Buffer.from([first, bit | Number(length)])
      : length < 65_536
        ? Buffer.from([first, bit | 126, Number(length) >> 8, Number(length) & 0xff])
        : Buffer.concat([Buffer.from([first, bit | 127]), bigEndian64(BigInt(length))]);
  return Buffer.concat([head, ...(masked ? [Buffer.alloc(4)] : []), payload]);
}
function bigEndian64(value: bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(value);
  return out;
}
const send = (body: Uint8Array, to = `inbox/honest/${a}`) => encodeFrame(frameType.send, 0, asciiBytes(to), body);

/** The close code in the last close frame of what came back. */
function closeCodeOf(wire: Wire): number {
  const bytes = afterHead(wire);
  for (let at = bytes.length - 4; at >= 0; at--) {
    const code = bytes.readUInt16BE(at + 2);
    // A random nonce may look like the head of a close frame.
    if (bytes[at] === 0x88 && (bytes[at + 1] as number) === bytes.length - at - 2 && code >= 1000 && code < 5000) return code;
  }
  return 1006;
}

interface Row {
  readonly name: string;
  readonly from: () => Promise<Wire>;
  readonly bytes: () => (string | Uint8Array)[];
  /** The code the socket is closed with, or what the HTTP answer begins with. */
  readonly expect: number | string;
  readonly moves: keyof RelayStats;
}
const rows: Row[] = [
  { name: "an unmasked frame", from: insider, bytes: () => [clientFrame(0x82, new Uint8Array(8), { masked: false })], expect: 1002, moves: "protocolErrors" },
  { name: "a reserved opcode", from: insider, bytes: () => [clientFrame(0x83, new Uint8Array(1))], expect: 1002, moves: "protocolErrors" },
  { name: "invalid UTF-8 as text", from: insider, bytes: () => [clientFrame(0x81, new Uint8Array([0xc3, 0x28]))], expect: 1007, moves: "protocolErrors" },
  { name: "text where binary belongs", from: insider, bytes: () => [clientFrame(0x81, asciiBytes("hello"))], expect: 4003, moves: "protocolErrors" },
  {
    name: "a declared length of 2^53-1",
    from: insider,
    bytes: () => [clientFrame(0x82, noBytes, { length: 2n ** 53n - 1n })],
    expect: 1009,
    moves: "protocolErrors",
  },
  { name: "a declared length of 2^63", from: insider, bytes: () => [clientFrame(0x82, noBytes, { length: 2n ** 63n })], expect: 1009, moves: "protocolErrors" },
  {
    name: "a message far over the limit",
    from: insider,
    bytes: () => [clientFrame(0x82, new Uint8Array(2 * maxFrameBytes))],
    expect: 1009,
    moves: "protocolErrors",
  },
  {
    name: "fragments over the limit together",
    from: insider,
    bytes: () => [clientFrame(0x02, new Uint8Array(maxFrameBytes)), clientFrame(0x00, new Uint8Array(maxFrameBytes))],
    expect: 1009,
    moves: "protocolErrors",
  },
  {
    name: "empty fragments without end",
    from: insider,
    bytes: () => [clientFrame(0x02, noBytes), ...Array.from({ length: 200 }, () => clientFrame(0x00, noBytes))],
    expect: 1008,
    moves: "protocolErrors",
  },
  { name: "a continuation of nothing", from: insider, bytes: () => [clientFrame(0x80, new Uint8Array(1))], expect: 1002, moves: "protocolErrors" },
  { name: "a ping of 126 bytes", from: insider, bytes: () => [clientFrame(0x89, new Uint8Array(126))], expect: 1002, moves: "protocolErrors" },
  { name: "a fragmented ping", from: insider, bytes: () => [clientFrame(0x09, new Uint8Array(1))], expect: 1002, moves: "protocolErrors" },
  { name: "close code 1005", from: insider, bytes: () => [clientFrame(0x88, new Uint8Array([0x03, 0xed]))], expect: 1002, moves: "protocolErrors" },
  { name: "RSV bits without an extension", from: insider, bytes: () => [clientFrame(0xc2, new Uint8Array(8))], expect: 1002, moves: "protocolErrors" },
  {
    name: "a deflate bomb with the compression bit",
    from: () => upgraded({ "Sec-WebSocket-Extensions": "permessage-deflate" }),
    bytes: () => [clientFrame(0xc2, deflateRawSync(new Uint8Array(4 * 1024 * 1024)))],
    expect: 1002,
    moves: "protocolErrors",
  },
  {
    name: "a flood of pings",
    from: insider,
    bytes: () => Array.from({ length: 2_000 }, () => clientFrame(0x89, noBytes)),
    expect: 4016,
    moves: "protocolErrors",
  },
  { name: "an empty message", from: insider, bytes: () => [clientFrame(0x82, noBytes)], expect: 4001, moves: "protocolErrors" },
  { name: "half a header", from: insider, bytes: () => [clientFrame(0x82, new Uint8Array([8, 0, 0]))], expect: 4001, moves: "protocolErrors" },
  { name: "an unknown type", from: insider, bytes: () => [clientFrame(0x82, new Uint8Array([99, 0, 0, 0, 0, 0, 0]))], expect: 4001, moves: "protocolErrors" },
  {
    name: "a frame only a relay sends",
    from: insider,
    bytes: () => [clientFrame(0x82, encodeFrame(frameType.msg, 1, noBytes, noBytes))],
    expect: 4002,
    moves: "protocolErrors",
  },
  {
    name: "a second login",
    from: insider,
    bytes: () => [clientFrame(0x82, encodeFrame(frameType.login, 0, noBytes, noBytes))],
    expect: 4002,
    moves: "protocolErrors",
  },
  {
    name: "an address with a wildcard",
    from: insider,
    bytes: () => [clientFrame(0x82, encodeFrame(frameType.send, 0, asciiBytes("agent/*"), noBytes))],
    expect: 4001,
    moves: "protocolErrors",
  },
  {
    name: "an address with CR LF",
    from: insider,
    bytes: () => [clientFrame(0x82, encodeFrame(frameType.send, 0, asciiBytes("agent/a\r\nSUB"), noBytes))],
    expect: 4001,
    moves: "protocolErrors",
  },
  {
    name: "an address longer than its frame",
    from: insider,
    bytes: () => [clientFrame(0x82, new Uint8Array([8, 0, 0, 0, 0, 255, 255, 97]))],
    expect: 4001,
    moves: "protocolErrors",
  },
  { name: "data before the login", from: upgraded, bytes: () => [clientFrame(0x82, send(new Uint8Array(1)))], expect: 4002, moves: "protocolErrors" },
  { name: "a wrong Host", from: dialTcp, bytes: () => [request({ Host: "evil.example" })], expect: "HTTP/1.1 403", moves: "turnedAway" },
  { name: "no Host", from: dialTcp, bytes: () => [request({ Host: "" })], expect: "HTTP/1.1 403", moves: "turnedAway" },
  { name: "a page of another Origin", from: dialTcp, bytes: () => [request({ Origin: "https://evil.example" })], expect: "HTTP/1.1 403", moves: "turnedAway" },
  { name: "another path", from: dialTcp, bytes: () => [request({}, "/elsewhere")], expect: "HTTP/1.1 404", moves: "turnedAway" },
  { name: "no subprotocol", from: dialTcp, bytes: () => [request({ "Sec-WebSocket-Protocol": "" })], expect: "HTTP/1.1 400", moves: "turnedAway" },
  { name: "a bad key", from: dialTcp, bytes: () => [request({ "Sec-WebSocket-Key": "short" })], expect: "HTTP/1.1 400", moves: "turnedAway" },
  {
    name: "a request that is none",
    from: dialTcp,
    bytes: () => ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    expect: "HTTP/1.1 400",
    moves: "turnedAway",
  },
  { name: "a head of 64 KiB", from: dialTcp, bytes: () => [request({ "X-Long": "x".repeat(64 * 1024) })], expect: "HTTP/1.1 431", moves: "turnedAway" },
];

async function roundTrip(): Promise<void> {
  const bob = await logIn(relay.url, await fixture.enroll("bob"), b);
  const before = honest.frames.length;
  bob.send(frameType.send, 0, `inbox/honest/${a}`, new Uint8Array([42]));
  await until(() => honest.frames.slice(before).some(({ type, body }) => type === frameType.msg && body[0] === 42), "an honest round trip");
  bob.socket.close();
}

describe("the relay survives", () => {
  it.each(rows)("$name: $expect", async ({ from, bytes, expect: expected, moves }) => {
    const before = relay.stats()[moves] as number;
    const memory = process.memoryUsage().rss;
    /** Of sockets that the relay ended: by its own reason, or by ws because of what came. */
    const reason = typeof expected === "number" ? reasonOfClose(expected) : undefined;
    const ofReason = (): number => (reason === undefined ? 0 : (relay.stats().ended[reason] ?? 0));
    const endings = ofReason();
    const wire = await from();
    wire.write(...bytes());
    // Half-closing lets the relay finish its closing handshake without waiting for our answer.
    await until(() => (typeof expected === "number" ? closeCodeOf(wire) !== 1006 : wire.received().includes("\r\n")), "an answer", 3_000);
    if (typeof expected === "number") expect(closeCodeOf(wire)).toBe(expected);
    else expect(wire.received().toString("latin1").slice(0, expected.length)).toBe(expected);
    wire.socket.end();
    await wire.closed;
    expect((relay.stats()[moves] as number) - before + ofReason() - endings, "a counter of just this").toBeGreaterThan(0);
    expect(process.memoryUsage().rss - memory).toBeLessThan(64 * 1024 * 1024);
    await roundTrip();
  });

  it("a frame of exactly the limit, which is carried, and one more byte, which is refused and harms nothing", async () => {
    const wire = await insider();
    const before = honest.frames.length;
    wire.write(clientFrame(0x82, send(new Uint8Array(maxFrameBytes + 1))), clientFrame(0x82, send(new Uint8Array(maxFrameBytes))));
    await until(() => honest.frames.slice(before).some(({ body }) => body.length === maxFrameBytes), "the frame of the limit");
    expect(honest.frames.slice(before).every(({ body }) => body.length <= maxFrameBytes)).toBe(true);
    expect(afterHead(wire).includes("larger than the relay takes")).toBe(true);
    wire.socket.destroy();
    await roundTrip();
  });

  it("a handshake of one byte at a time, and a connection that says nothing", async () => {
    const [slow, silent] = [await dialTcp(), await dialTcp()];
    const head = request();
    let at = 0;
    const drip = setInterval(() => slow.write(head[at++ % head.length] as string), 40);
    const began = performance.now();
    await Promise.all([slow.closed, silent.closed]);
    clearInterval(drip);
    expect(performance.now() - began).toBeLessThan(5_000);
    await roundTrip();
  });

  it("a login that never comes", async () => {
    const wire = await upgraded();
    await until(() => closeCodeOf(wire) === 4004, "login_timeout", 3_000);
    wire.socket.destroy();
    await roundTrip();
  });

  it("more connections without a login than one address may have: the others are turned away, and come in later", async () => {
    const turnedAway = relay.stats().turnedAway;
    const wires = await Promise.all(Array.from({ length: 60 }, dialTcp));
    await until(() => relay.stats().turnedAway >= turnedAway + 36, "turning away");
    await Promise.all(wires.map(({ closed }) => closed));
    await roundTrip();
  });

  it("a half-open socket: closed within two heartbeats", async () => {
    const wire = await insider();
    const sockets = relay.stats().sockets;
    wire.socket.pause();
    const began = performance.now();
    await until(() => relay.stats().sockets < sockets, "closing what does not answer", 4 * heartbeatMs);
    expect(performance.now() - began).toBeLessThan(2 * heartbeatMs + 500);
    wire.socket.destroy();
    await roundTrip();
  });

  it("random bytes on a logged-in socket", async () => {
    for (let i = 0; i < 20; i++) {
      const wire = await insider();
      wire.write(randomBytes(2_000));
      wire.socket.end();
      await wire.closed;
    }
    await roundTrip();
  });
});

it("left no rejection unhandled", () => expect(unhandled).toEqual([]));

describe("GET", () => {
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${relay.port}${path}`);
    return { status: response.status, body: await response.text() };
  };
  it("/health says that it runs", async () => expect(await get("/health")).toEqual({ status: 200, body: '{"status":"ok","reasons":[]}\n' }));
  it("/metrics counts, and names nobody", async () => {
    await until(() => relay.stats().sockets === 1, "those that have closed their socket to be gone", 10_000);
    const { status, body } = await get("/metrics");
    expect(status).toBe(200);
    expect(body).toMatch(/^tightbeam_relay_sockets 1$/m);
    expect(body).toMatch(/^tightbeam_relay_frames_in_total \d+$/m);
    expect(body).toMatch(/^tightbeam_relay_ended_total\{reason="frame_kind"\} 1$/m);
    expect(() => parseExposition(body)).not.toThrow();
    expect(body).not.toMatch(/honest|mallory|inbox|eyJ/);
  });
  it("anything else is not found", async () => expect((await get("/")).status).toBe(404));
});
