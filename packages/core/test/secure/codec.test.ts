import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { crypto } from "../../src/crypto/index.js";
import { TightbeamError } from "../../src/errors.js";
import { parseProtocolName } from "../../src/noise/protocol-name.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { createCookies } from "../../src/secure/cookie.js";
import { createExpiringMap } from "../../src/secure/expiring.js";
import { appendProof, decodePayload, encodeFields } from "../../src/secure/payload.js";
import { buildReady, parseReady } from "../../src/secure/ready.js";
import { createRepeater } from "../../src/secure/repeat.js";
import { chooseSuite, classicalSuite, hybridSuite, suiteOf } from "../../src/secure/suites.js";
import { decodeTlvs, encodeTlvs } from "../../src/secure/tlv.js";
import { prologue, proofPayload } from "../../src/secure/transcript.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("TLVs", () => {
  const list = fc
    .uniqueArray(fc.record({ type: fc.nat(255), value: fc.uint8Array({ maxLength: 300 }) }), { selector: ({ type }) => type, maxLength: 20 })
    .map((all) => all.sort((a, b) => a.type - b.type));
  it("round-trip", () =>
    fc.assert(
      fc.property(list, (tlvs) => {
        expect(decodeTlvs(encodeTlvs(tlvs))).toEqual(tlvs);
      }),
    ));
  it("layout: u8 type, u16 length, value", () => expect(encodeTlvs([{ type: 7, value: Uint8Array.of(9, 8) }])).toEqual(Uint8Array.of(7, 0, 2, 9, 8)));
  it("any bytes give the list they spell, or nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const tlvs = decodeTlvs(bytes);
        if (tlvs !== undefined) expect(encodeTlvs(tlvs)).toEqual(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
  it("neither builds nor reads types that do not ascend", () => {
    const value = new Uint8Array(0);
    for (const types of [
      [1, 1],
      [2, 1],
    ])
      expect(() => encodeTlvs(types.map((type) => ({ type, value })))).toThrow(TightbeamError);
    expect(decodeTlvs(Uint8Array.of(1, 0, 0, 1, 0, 0))).toBeUndefined();
    expect(decodeTlvs(Uint8Array.of(2, 0, 0, 1, 0, 0))).toBeUndefined();
    expect(() => encodeTlvs([{ type: 1, value: new Uint8Array(65_536) }])).toThrow(TightbeamError);
  });
});

describe("payloads", () => {
  const fields = {
    token: "a.b.c",
    sessionId: Uint8Array.of(255, 2, 3, 4, 5, 6, 7, 8),
    suites: [0x0101, 1],
    time: 1_750_000_000_123,
    limits: { maxMessageBytes: 2 ** 32 - 1, intakeCount: 7, intakeBytes: 2 ** 52 },
    jwk: '{"kty":"OKP"}',
    instance: "i".repeat(22),
    link: undefined,
  };
  it("round-trip, and name what the proof covers", () => {
    const signed = encodeFields(fields);
    expect(decodePayload(appendProof(signed, "x.y.z"), 2)).toEqual({ ...fields, proof: "x.y.z", signed });
    const link = text("link");
    expect(decodePayload(appendProof(encodeFields({ ...fields, jwk: undefined, link }), "x.y.z"), 3)).toMatchObject({ jwk: undefined, link });
  });
  it("numbers too large to be exact are taken as large", () => {
    const payload = appendProof(encodeFields(fields), "x.y.z");
    const at = payload.length - 3 - 5 - (3 + 22) - (3 + 13) - 8;
    payload.fill(255, at, at + 8);
    expect(decodePayload(payload, 2).limits.intakeBytes).toBe(Number.MAX_SAFE_INTEGER);
  });
  it("any bytes, and any damage, give a value or handshake_failed", () => {
    const good = appendProof(encodeFields({ ...fields, link: text("link") }), "x.y.z");
    const attempt = (bytes: Uint8Array, message: 2 | 3): void => {
      try {
        decodePayload(bytes, message);
      } catch (error) {
        expect(error).toMatchObject({ name: "TightbeamError", code: "handshake_failed", retryable: false });
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(2 as const, 3 as const), (bytes, message) => attempt(bytes, message)),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), fc.nat(good.length), (changes, cut) => {
        const bytes = good.slice(0, cut > 3 ? good.length : cut);
        for (const [at, value] of changes) bytes[at] = value;
        attempt(bytes, 3);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("READY", () => {
  const hash = new Uint8Array(32).fill(5);
  it("round-trips, with cells behind it", () => {
    for (const continued of [false, true]) {
      const cell = buildReady(hash, continued, text("link"));
      expect(parseReady(concat(cell, Uint8Array.of(5, 0, 0, 0)))).toEqual({
        continued,
        payloadHash: hash,
        link: text("link"),
        cells: Uint8Array.of(5, 0, 0, 0),
      });
    }
  });
  it("any other plaintext is no READY", () => {
    const cell = buildReady(hash, true, text("link"));
    for (let length = 0; length < cell.length; length++) expect(parseReady(cell.subarray(0, length))).toBeUndefined();
    for (const [at, value] of [
      [0, 1],
      [1, 2],
      [1, 0x81],
      [2, 0xff],
      [3, 31],
    ] as const) {
      const changed = cell.slice();
      changed[at] = value;
      expect(parseReady(changed)).toBeUndefined();
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void parseReady(bytes)));
  });
});

describe("cookies", () => {
  const setup = () => {
    const runtime = createVirtualRuntime({ seed: 5 });
    return { runtime, cookies: createCookies(runtime, crypto().sha256), hash: crypto().sha256.digest(text("HS1")) };
  };
  it("52 bytes: time, hash, MAC; good for 60 s through a change of key, then not", () => {
    for (const startAt of [0, 30_000, 59_000, 119_000]) {
      const { runtime, cookies, hash } = setup();
      cookies.make(hash, "inbox/x/y");
      runtime.advanceSync(startAt);
      const cookie = cookies.make(hash, "inbox/alice/i");
      expect(cookie).toHaveLength(52);
      expect(cookie.slice(4, 36)).toEqual(hash);
      runtime.advanceSync(59_000);
      expect(cookies.check(cookie, "inbox/alice/i")).toEqual(hash);
      runtime.advanceSync(3_000);
      expect(cookies.check(cookie, "inbox/alice/i")).toBeUndefined();
    }
  });
  it("no other address, no other process, no changed byte, no cookie from the future", () => {
    const { cookies, hash } = setup();
    const cookie = cookies.make(hash, "inbox/alice/i");
    expect(cookies.check(cookie, "inbox/alice/j")).toBeUndefined();
    expect(createCookies(createVirtualRuntime({ seed: 6 }), crypto().sha256).check(cookie, "inbox/alice/i")).toBeUndefined();
    for (let at = 0; at < 52; at++) {
      const changed = cookie.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(cookies.check(changed, "inbox/alice/i")).toBeUndefined();
    }
    expect(cookies.check(cookie.subarray(1), "inbox/alice/i")).toBeUndefined();
  });
});

describe("suites", () => {
  it("the chooser's preference decides", () => {
    expect(chooseSuite([hybridSuite, classicalSuite], [1, 0x0101])).toBe(hybridSuite);
    expect(chooseSuite([classicalSuite], [0x0101, 1])).toBe(classicalSuite);
    expect(chooseSuite([hybridSuite], [1, 0x9999])).toBeUndefined();
  });
  it("ids name the whole construction", () => {
    expect(suiteOf(0x0101)?.protocol).toBe("Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256");
    expect(suiteOf(0x0001)?.protocol).toBe("Noise_XX_25519_ChaChaPoly_SHA256");
    for (const id of [hybridSuite, classicalSuite]) expect(suiteOf(id)?.noise).toEqual(parseProtocolName(suiteOf(id)?.protocol ?? ""));
    expect(suiteOf(0)).toBeUndefined();
  });
});

describe("transcripts keep purposes and parts apart", () => {
  it("the prologue of different parts differs, however they are cut", () => {
    const cut = fc.tuple(fc.string({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }));
    fc.assert(
      fc.property(cut, cut, (a, b) => {
        const same = a[0] === b[0] && Buffer.compare(a[1], b[1]) === 0 && Buffer.compare(a[2], b[2]) === 0;
        expect(Buffer.compare(prologue(...a), prologue(...b)) === 0).toBe(same);
      }),
    );
  });
  it("the proof names role, hash and TLVs", () => {
    const payload = proofPayload(crypto().sha256, "responder", new Uint8Array(32).fill(3), text("tlvs"));
    expect(Buffer.from(payload).toString("latin1", 0, 17)).toBe("tightbeam/1 pop\0\x01");
    expect(payload).toHaveLength(16 + 1 + 32 + 32);
    expect(payload.slice(49)).toEqual(crypto().sha256.digest(text("tlvs")));
  });
});

describe("small machines", () => {
  it("an expiring map keeps so many entries, for so long", () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const map = createExpiringMap<number, string>(runtime.timers, 3, 1_000);
    for (let i = 0; i < 5; i++) map.set(i, String(i));
    expect([0, 1, 2, 3, 4].map((key) => map.get(key))).toEqual([undefined, undefined, "2", "3", "4"]);
    runtime.advanceSync(500);
    map.set(2, "again");
    runtime.advanceSync(500);
    expect([map.size, map.get(2)]).toEqual([1, "again"]);
    map.clear();
    expect(map.size).toBe(0);
  });
  it("a repeater counts only what the medium took", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const times: number[] = [];
    let down = 3;
    const errors: string[] = [];
    const repeater = createRepeater(
      runtime.timers,
      async () => {
        if (down-- > 0) throw new TightbeamError("unavailable", "down");
        times.push(runtime.now);
      },
      [1_000, 1_000],
      ({ code }) => errors.push(code),
    );
    await runtime.advance(10_000);
    expect(errors).toEqual(["unavailable", "unavailable", "unavailable"]);
    expect(times).toEqual([1_500, 2_500, 3_500]);
    repeater.now();
    await runtime.advance(0);
    expect(times).toHaveLength(4);
    repeater.stop();
    repeater.now();
    await runtime.advance(5_000);
    expect(times).toHaveLength(4);
  });
});
