import { isTightbeamError } from "@tightbeam/core/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asciiBytes,
  encodeBefore,
  encodeChallenge,
  encodeDropped,
  encodeError,
  encodeFrame,
  encodeGroup,
  encodeLogin,
  encodeWelcome,
  type FrameType,
  frameType,
  frontBytes,
  noBytes,
  parseChallenge,
  parseDropped,
  parseError,
  parseFrame,
  parseGroup,
  parseLogin,
  parseWelcome,
} from "../src/protocol.js";
import { closeCode, reasonCode, reasonOf, reasonOfClose } from "../src/reasons.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const addresses = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const parsers: [string, (bytes: Uint8Array) => unknown][] = [
  ["parseFrame", parseFrame],
  ["parseChallenge", parseChallenge],
  ["parseLogin", parseLogin],
  ["parseWelcome", parseWelcome],
  ["parseGroup", parseGroup],
  ["parseError", parseError],
  ["parseDropped", parseDropped],
];

describe("relay frames", () => {
  it.each(parsers)("TM-85 %s gives a value or `malformed` for any bytes", (_name, parse) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          parse(bytes);
          return true;
        } catch (error) {
          return isTightbeamError(error) && error.code === "malformed";
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("are the same bytes when their header goes before the body in its own buffer", () => {
    fc.assert(
      fc.property(addresses, fc.uint8Array({ maxLength: 300 }), (at, body) => {
        const buffer = new Uint8Array(frontBytes + body.length).fill(0xee);
        buffer.set(body, frontBytes);
        const frame = encodeBefore(frameType.send, 0, asciiBytes(at), buffer.subarray(frontBytes));
        expect(frame).toEqual(new Uint8Array(encodeFrame(frameType.send, 0, asciiBytes(at), body)));
        expect(frame.buffer).toBe(buffer.buffer);
        // What lies before the header is never part of it.
        expect(buffer.subarray(0, frame.byteOffset).every((byte) => byte === 0xee)).toBe(true);
      }),
    );
  });

  it("carry every address and body unchanged", () => {
    fc.assert(
      fc.property(addresses, fc.uint8Array({ maxLength: 300 }), (at, body) => {
        const frame = parseFrame(encodeFrame(frameType.send, 0, asciiBytes(at), body));
        expect(frame).toEqual({ type: frameType.send, request: 0, address: at, body: frame.body });
        expect(hex(frame.body)).toBe(hex(body));
      }),
    );
  });

  it("are truncated nowhere without notice: each prefix of a header is malformed", () => {
    const whole = encodeFrame(frameType.sub, 7, asciiBytes("agent/bob"), encodeGroup("bob"));
    for (let length = 0; length < 16; length++) expect(() => parseFrame(whole.subarray(0, length))).toThrow(expect.objectContaining({ code: "malformed" }));
    expect(parseFrame(whole).address).toBe("agent/bob");
  });

  /** The bytes a second implementation must make (docs/relay-protocol.md). */
  const frozen: [string, Uint8Array, string][] = [
    ["SEND", encodeFrame(frameType.send, 0, asciiBytes("agent/bob"), new Uint8Array([1, 2])), `08000000000009${hex(asciiBytes("agent/bob"))}0102`],
    ["MSG", encodeFrame(frameType.msg, 0x01020304, noBytes, new Uint8Array([5])), "09010203040000" + "05"],
    ["SUB", encodeFrame(frameType.sub, 2, asciiBytes("agent/a"), encodeGroup("a")), `05000000020007${hex(asciiBytes("agent/a"))}61`],
    ["SUB without group", encodeFrame(frameType.sub, 2, asciiBytes("x"), encodeGroup(undefined)), "0500000002000178"],
    ["PING", encodeFrame(frameType.ping, 0, noBytes, noBytes), "0b000000000000"],
    ["CHALLENGE", encodeChallenge(new Uint8Array(32).fill(0xaa)), `01${"aa".repeat(32)}`],
    [
      "WELCOME",
      encodeWelcome({ maxFrameBytes: 262_144, subscriptionsMax: 64, heartbeatMs: 20_000, authorisedMs: 1 }),
      "00040000" + "00000040" + "00004e20" + "00000001",
    ],
    ["ERR", encodeError(13, "no"), "0d6e6f"],
    ["DROPPED", encodeDropped({ frames: 2, bytes: 2 ** 40 }), "00000002ffffffff"],
  ];
  it.each(frozen)("%s has exactly these bytes", (_name, bytes, expected) => expect(hex(bytes)).toBe(expected));

  const login = { nonce: new Uint8Array(32).fill(3), instance: "i".repeat(22), origin: "wss://relay.example", token: "a.b.c", jwk: "", proof: "d.e.f" };
  it("LOGIN survives the round trip and no change of its length", () => {
    const body = encodeLogin(login);
    expect(parseLogin(body)).toEqual(login);
    expect(() => parseLogin(body.subarray(0, body.length - 1))).toThrow();
    expect(() => parseLogin(new Uint8Array([...body, 0]))).toThrow(/left over/);
    expect(() => parseLogin(encodeLogin({ ...login, instance: `${"i".repeat(21)}/` }))).toThrow(/instance/);
    expect(() => parseLogin(encodeLogin({ ...login, token: "t".repeat(8 * 1024 + 1) }))).toThrow(/longer/);
  });

  const refused: [string, Uint8Array][] = [
    ["type 0", encodeFrame(0 as FrameType, 0, noBytes, noBytes)],
    ["an unknown type", encodeFrame(14 as FrameType, 0, noBytes, noBytes)],
    ["SEND without address", encodeFrame(frameType.send, 0, noBytes, noBytes)],
    ["SEND with a number", encodeFrame(frameType.send, 1, asciiBytes("agent/b"), noBytes)],
    ["SUB without number", encodeFrame(frameType.sub, 0, asciiBytes("agent/b"), noBytes)],
    ["MSG with an address", encodeFrame(frameType.msg, 1, asciiBytes("agent/b"), noBytes)],
    ["UNSUB with a body", encodeFrame(frameType.unsub, 1, noBytes, new Uint8Array(1))],
    ["PING with a body", encodeFrame(frameType.ping, 1, noBytes, new Uint8Array(1))],
    ["a wildcard address", encodeFrame(frameType.send, 0, asciiBytes("agent/*"), noBytes)],
    ["a NUL in an address", encodeFrame(frameType.send, 0, new Uint8Array([97, 0, 98]), noBytes)],
    ["five segments", encodeFrame(frameType.send, 0, asciiBytes("a/b/c/d/e"), noBytes)],
    ["an address longer than the frame", new Uint8Array([8, 0, 0, 0, 0, 0, 9, 97])],
  ];
  it.each(refused)("refuses %s", (_name, bytes) => expect(() => parseFrame(bytes)).toThrow(expect.objectContaining({ code: "malformed" })));

  it("gives every reason a number of its own, found again from ERR and from the close code", () => {
    const codes = Array.from({ length: 255 }, (_, i) => reasonOf(i)).filter((reason) => reason !== undefined);
    expect(codes.length).toBeGreaterThan(15);
    for (const reason of codes) {
      expect(reasonOf(reasonCode(reason))).toBe(reason);
      expect(reasonOfClose(closeCode(reason))).toBe(reason);
      expect(closeCode(reason)).toBeLessThan(5_000);
    }
  });
});
