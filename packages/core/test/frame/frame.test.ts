import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  askFlag,
  buildAsk,
  buildHs1Head,
  buildHs2,
  buildHs3,
  buildRetry,
  cookieFlag,
  counterOf,
  dataFault,
  dataHeader,
  frameType,
  parseHs1,
  parseHs2,
  parseHs3,
  parseRetry,
  putCounter,
  sessionIdOf,
  sessionIdToBytes,
} from "../../src/frame/frame.js";
import * as frameTypes from "../../src/frame/frame-types.js";

const replyTo = `inbox/acme/alice/${"i".repeat(22)}`;
const ownId = Uint8Array.of(255, 254, 253, 252, 251, 250, 249, 248);
const localId = 2 ** 53 - 2;
const to = sessionIdToBytes(localId);
const message = new Uint8Array(100).fill(7);
const cookie = new Uint8Array(52).map((_, i) => i);

const join = (a: Uint8Array, b: Uint8Array): Uint8Array => Uint8Array.from([...a, ...b]);
const hs1 = (withCookie = false): Uint8Array =>
  join(buildHs1Head({ suite: 0x0101, sessionId: ownId, replyTo, suites: [0x0101, 1, 0x7777], ...(withCookie ? { cookie } : {}) }), message);
const hs2 = (): Uint8Array => buildHs2({ suite: 1, to, sessionId: ownId, replyTo, message });
const hs3 = (): Uint8Array => buildHs3({ suite: 1, to, message });
const retry = (): Uint8Array => buildRetry({ suite: 1, to, replyTo, cookie });
const data = (counter = 5): Uint8Array => {
  const head = dataHeader(to);
  putCounter(head, counter);
  return join(head, new Uint8Array(16));
};

const patched = (frame: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = frame.slice();
  copy[at] = value;
  return copy;
};

describe("frames round-trip, byte for byte as docs/protocol.md lays them out", () => {
  it("HS1", () => {
    expect(Buffer.from(hs1().subarray(0, 22)).toString("hex")).toBe("110001010000000000000000fffefdfcfbfaf9f80027");
    expect(parseHs1(hs1())).toEqual({
      suite: 0x0101,
      sessionId: ownId,
      replyTo,
      suites: [0x0101, 1, 0x7777],
      cookie: undefined,
      asks: false,
      head: hs1().slice(0, -100),
      message,
    });
  });
  it("HS1 with a cookie", () => {
    const parsed = parseHs1(hs1(true));
    expect(parsed).toMatchObject({ cookie, message });
    expect(hs1(true)[1]).toBe(cookieFlag);
  });
  it("HS1 that only asks who is there has 64 zeros for a Noise message, and no cookie", () => {
    const ask = buildAsk({ suite: 1, sessionId: ownId, replyTo, suites: [1] });
    expect(parseHs1(ask)).toMatchObject({ asks: true, cookie: undefined, message: new Uint8Array(64) });
    expect(ask[1]).toBe(askFlag);
    expect(parseHs1(ask.subarray(0, -1))).toBe("too_short");
    expect(parseHs1(join(ask, new Uint8Array(1)))).toBe("too_long");
    expect(parseHs1(patched(ask, 1, askFlag | cookieFlag))).toBe("flags");
  });
  it("HS2", () => expect(parseHs2(hs2())).toEqual({ suite: 1, to: localId, sessionId: ownId, replyTo, message }));
  it("HS3", () => expect(parseHs3(hs3())).toEqual({ suite: 1, to: localId, message }));
  it("RETRY", () => expect(parseRetry(retry())).toEqual({ suite: 1, to: localId, replyTo, cookie }));
  it("DATA, to the last counter", () => {
    for (const counter of [0, 1, 0xffff, 0x1_0000, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1]) {
      expect(dataFault(data(counter), localId)).toBeUndefined();
      expect(counterOf(data(counter))).toBe(counter);
    }
  });
  it("dispatch reads type and session id", () => {
    expect([hs1(), hs2(), hs3(), data(), retry()].map(frameType)).toEqual([1, 2, 3, 4, 5]);
    expect([hs2(), hs3(), data(), retry()].map(sessionIdOf)).toEqual([localId, localId, localId, localId]);
    expect(sessionIdOf(patched(hs2(), 4, 0xff))).toBe(-1);
    expect(sessionIdOf(hs2().subarray(0, 11))).toBe(-1);
    expect(frameType(hs2().subarray(0, 11))).toBe(0);
    expect(frameType(new Uint8Array(0))).toBe(0);
    for (const type of [0, 6, 7, 15]) expect(frameType(patched(hs2(), 0, 0x10 | type))).toBe(0);
  });
});

describe("TM-01 a frame with anything unknown in its header is dropped, with a reason", () => {
  const parsers = [
    ["HS1", hs1, parseHs1],
    ["HS2", hs2, parseHs2],
    ["HS3", hs3, parseHs3],
    ["RETRY", retry, parseRetry],
    ["DATA", data, (frame: Uint8Array) => dataFault(frame, localId)],
  ] as const;
  for (const [name, build, parse] of parsers) {
    it(`${name}: version, type, flags`, () => {
      const first = build()[0] as number;
      for (const version of [0, 2, 15]) expect(parse(patched(build(), 0, (version << 4) | (first & 15)))).toBe("version");
      for (let type = 0; type < 16; type++) if (type !== (first & 15)) expect(parse(patched(build(), 0, 0x10 | type))).toBe("type");
      for (let bit = name === "HS1" ? 2 : 0; bit < 8; bit++) expect(parse(patched(build(), 1, 1 << bit))).toBe("flags");
    });
    it(`${name}: every truncation gives a reason or a shorter message, never a read past the end`, () => {
      const frame = build();
      const whole = name === "RETRY" ? frame.length : frame.length - (name === "DATA" ? 0 : message.length);
      for (let length = 0; length < whole; length++) expect(parse(frame.subarray(0, length))).toBe("too_short");
    });
  }

  it("the session id: HS1 has none, the others one of ours", () => {
    expect(parseHs1(patched(hs1(), 11, 1))).toBe("session_id");
    for (const [build, parse] of [
      [hs2, parseHs2],
      [hs3, parseHs3],
      [retry, parseRetry],
    ] as const)
      expect(parse(patched(build(), 4, 0x20))).toBe("session_id");
    expect(dataFault(data(), localId - 1)).toBe("session_id");
  });
  it("DATA has suite 0 and a counter below 2^48", () => {
    expect(dataFault(patched(data(), 3, 1), localId)).toBe("suite");
    expect(counterOf(patched(data(), 12, 1))).toBe(-1);
    expect(counterOf(patched(data(), 13, 1))).toBe(-1);
  });
  it("handshake frames end at 16 KiB", () => {
    expect(parseHs1(join(hs1(), new Uint8Array(16 * 1024)))).toBe("too_long");
    expect(parseHs2(join(hs2(), new Uint8Array(16 * 1024)))).toBe("too_long");
    expect(parseHs3(join(hs3(), new Uint8Array(16 * 1024)))).toBe("too_long");
    expect(parseRetry(join(retry(), new Uint8Array(1)))).toBe("too_long");
  });
  it("the suite list is not empty and holds the header's suite", () => {
    const at = 12 + 8 + 2 + replyTo.length;
    expect(parseHs1(patched(hs1(), at, 0))).toBe("suites");
    expect(parseHs1(patched(hs1(), 3, 0x99))).toBe("suites");
    expect(parseHs1(buildHs1Head({ suite: 1, sessionId: ownId, replyTo, suites: [] }))).toBe("suites");
  });
  it("a cookie has exactly 52 bytes", () => {
    expect(parseRetry(patched(retry(), 14 + replyTo.length, 51))).toBe("cookie_length");
    expect(parseHs1(join(buildHs1Head({ suite: 1, sessionId: ownId, replyTo, suites: [1], cookie: new Uint8Array(51) }), message))).toBe("cookie_length");
    const head = buildHs1Head({ suite: 1, sessionId: ownId, replyTo, suites: [1], cookie });
    expect(parseHs1(head.subarray(0, head.length - 1))).toBe("too_short");
  });
});

describe("TM-02 a reply address that is not inbox/<agent>/<instance> is dropped before any work", () => {
  const bad = [
    "",
    "inbox",
    "agent/alice",
    "inbox/alice",
    `inbox/${"i".repeat(22)}`,
    "inbox/alice/short",
    `inbox/alice/${"i".repeat(21)}!`,
    `inbox/a/b/c/${"i".repeat(22)}`,
  ];
  const worse = [
    `inbox/al ice/${"i".repeat(22)}`,
    `inbox/alice/${"i".repeat(22)}\r\n`,
    `inbox/../${"i".repeat(22)}`,
    `inbox/\u00e9/${"i".repeat(22)}`,
    "x".repeat(160),
    `/inbox/alice/${"i".repeat(22)}`,
  ];
  it.each([...bad, ...worse])("%j", (address) => {
    expect(parseHs1(join(buildHs1Head({ suite: 1, sessionId: ownId, replyTo: address, suites: [1] }), message))).toBe("reply_address");
    expect(parseHs2(buildHs2({ suite: 1, to, sessionId: ownId, replyTo: address, message }))).toBe("reply_address");
  });
});

describe("any bytes give a value or a reason, never an exception", () => {
  const parsers = [parseHs1, parseHs2, parseHs3, parseRetry, (frame: Uint8Array) => dataFault(frame, 0), frameType, sessionIdOf, counterOf];
  it("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const parse of parsers) parse(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
  it("frames with random damage", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(hs1(), hs1(true), hs2(), hs3(), retry(), data()),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
        fc.nat(220),
        (frame, changes, cut) => {
          const copy = frame.slice(0, Math.min(frame.length, cut));
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
          for (const parse of parsers) parse(copy);
          const parsed = parseHs1(copy);
          if (typeof parsed === "object") expect(parsed.head.length + parsed.message.length).toBe(copy.length);
        },
      ),
      { numRuns: 2_000 },
    );
  });
  it("what HS1 says survives building and parsing", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 255 }),
        fc.uint8Array({ maxLength: 2_000 }),
        (id, suites, body) => {
          const suite = suites[0] as number;
          expect(parseHs1(join(buildHs1Head({ suite, sessionId: id, replyTo, suites }), body))).toMatchObject({ suite, sessionId: id, suites, message: body });
        },
      ),
    );
  });
});

it("type numbers are those of the protocol", () => expect({ ...frameTypes }).toEqual({ hs1: 1, hs2: 2, hs3: 3, data: 4, retry: 5 }));
