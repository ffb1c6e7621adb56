import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PresenceVectors, presenceVectors } from "../../../../../scripts/vectors/presence.js";
import { concat, fromHex, toHex } from "../../../src/bytes.js";
import { generateKey, importVerifyKey } from "../../../src/identity/index.js";
import { decodeHint, encodeHint, type Hint, hintMaxBytes, hintText } from "../../../src/patterns/presence/hint.js";
import { type Address, address } from "../../../src/transport/address.js";

const keys = { EdDSA: await generateKey(), ES256: await generateKey({ alg: "ES256" }) };
const instance = "iiiiiiiiiiiiiiiiiiiiii";
const plain: Hint = {
  publishes: false,
  subscribes: false,
  serves: false,
  seeks: false,
  leaves: false,
  every: 10_000,
  counter: 1,
  expires: 1_750_000_000_000,
  id: "alice",
  instance,
  key: keys.EdDSA.publicJwk,
};
const signature = new Uint8Array(64).fill(7);
const part = fc.string({ unit: fc.constantFrom(..."azAZ09_-"), minLength: 1, maxLength: 64 });
const hints = fc.record({
  publishes: fc.boolean(),
  subscribes: fc.boolean(),
  serves: fc.boolean(),
  seeks: fc.boolean(),
  leaves: fc.boolean(),
  every: fc.integer({ min: 100, max: 600_000 }),
  counter: fc.maxSafeNat(),
  expires: fc.maxSafeNat(),
  id: fc.oneof(
    part,
    fc.tuple(part, part).map(([realm, name]) => `${realm}/${name}`),
  ),
  instance: fc.string({ unit: fc.constantFrom(..."azAZ09_-"), minLength: 22, maxLength: 22 }),
  key: fc.constantFrom(keys.EdDSA.publicJwk, keys.ES256.publicJwk),
});

describe("hint", () => {
  it("is read as it was written, and is never larger than its bound", () => {
    fc.assert(
      fc.property(hints, (hint) => {
        const body = encodeHint(hint);
        const bytes = concat(body, signature);
        expect(bytes.length).toBeLessThanOrEqual(hintMaxBytes);
        expect(decodeHint(bytes)).toEqual({ hint, body, signature });
      }),
    );
    const longest = { ...plain, id: `${"r".repeat(64)}/${"n".repeat(64)}`, key: keys.ES256.publicJwk };
    expect(encodeHint(longest).length + 64).toBe(hintMaxBytes);
  });

  it("TM-130: any bytes are a hint within its grammar, or nothing", () => {
    const mostly = fc
      .tuple(hints, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }), fc.integer({ min: -3, max: 3 }))
      .map(([hint, changes, more]) => {
        const bytes = concat(encodeHint(hint), signature, new Uint8Array(3)).slice();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes.subarray(0, bytes.length - 3 + more);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mostly), (bytes) => {
        const read = decodeHint(bytes);
        if (read === undefined) return;
        const { hint, body } = read;
        expect(hint.id).toMatch(/^(?:[\w-]{1,64}\/)?[\w-]{1,64}$/);
        expect(hint.instance).toMatch(/^[\w-]{22}$/);
        expect(hint.every).toBeGreaterThanOrEqual(100);
        expect(hint.every).toBeLessThanOrEqual(600_000);
        expect(Number.isSafeInteger(hint.counter) && Number.isSafeInteger(hint.expires)).toBe(true);
        expect(body.length + 64).toBe(bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses what is cut, longer, of another version or type, and fields out of bounds; unknown bits mean nothing", () => {
    const whole = concat(encodeHint(plain), signature);
    for (let length = 0; length < whole.length; length++) expect(decodeHint(whole.subarray(0, length))).toBeUndefined();
    expect(decodeHint(concat(whole, new Uint8Array(1)))).toBeUndefined();
    expect(decodeHint(new Uint8Array(1_000_000))).toBeUndefined();
    const changed = (at: number, value: number): Uint8Array => whole.map((byte, index) => (index === at ? value : byte));
    for (const value of [0x07, 0x27, 0x14, 0xff]) expect(decodeHint(changed(0, value))).toBeUndefined();
    expect(decodeHint(changed(1, 0xe0))?.hint).toEqual(plain);
    for (const every of [0, 99, 600_001, 2 ** 32 - 1]) expect(decodeHint(concat(encodeHint({ ...plain, every }), signature))).toBeUndefined();
    expect(decodeHint(changed(6, 0xff))).toBeUndefined();
    for (const id of ["", "a b", "a/b/c", "\0", ">", "a..b"]) expect(decodeHint(concat(encodeHint({ ...plain, id }), signature))).toBeUndefined();
    for (const value of [0x00, 0x2f, 0x80, 0xc3]) expect(decodeHint(changed(23, value))).toBeUndefined();
    expect(decodeHint(concat(encodeHint({ ...plain, instance: "iiiiiiiiiiiiiiiiiii/ii" }), signature))).toBeUndefined();
  });

  it("TM-131: its signature is for presence, for one address, and for every byte of it", async () => {
    const at = address("presence", "acme");
    for (const key of Object.values(keys)) {
      const body = encodeHint({ ...plain, key: key.publicJwk });
      const signed = await key.sign(hintText(at, body));
      const verifier = await importVerifyKey(key.publicJwk);
      expect(await verifier.verify(signed, hintText(at, body))).toBe(true);
      expect(await verifier.verify(signed, hintText(address("presence", "acme2"), body))).toBe(false);
      expect(await verifier.verify(signed, body)).toBe(false);
      for (let at2 = 0; at2 < body.length; at2 += 7) {
        const other = body.map((byte, index) => (index === at2 ? byte ^ 1 : byte));
        expect(await verifier.verify(signed, hintText(at, other))).toBe(false);
      }
    }
  });
});

describe("vectors/presence.json", () => {
  const frozen = JSON.parse(readFileSync(new URL("../../../../../vectors/presence.json", import.meta.url), "utf8")) as PresenceVectors;

  it("is what the script makes", async () => expect(await presenceVectors()).toEqual(frozen));

  it.each(frozen.hints)("$description", async ({ address: at, hint, text, frame }) => {
    const read = decodeHint(fromHex(frame));
    expect(read?.hint).toEqual(hint);
    if (read === undefined) return;
    expect(toHex(hintText(at as Address, read.body))).toBe(text);
    const verifier = await importVerifyKey(hint.key);
    expect(await verifier.verify(read.signature, fromHex(text))).toBe(hint.key.kty === "OKP");
  });
});
