import { describe, expect, it } from "vitest";
import { empty, encodeUtf8, toHex } from "../../src/bytes.js";
import type { Aead } from "../../src/crypto/index.js";
import { cipherState, nonce, rekeyed } from "../../src/noise/cipher-state.js";
import { providers } from "../crypto/providers.js";

const [native] = await providers();
const aead = native?.chachaPoly as Aead;
const code = (expected: string) => expect.objectContaining({ name: "TightbeamError", code: expected });
const make = (start?: number) => cipherState(aead, "ChaChaPoly", new Uint8Array(32).fill(1), start);

describe("cipherState", () => {
  it("uses every nonce once, in order", () => {
    const used: string[] = [];
    const watched: Aead = {
      sealInto(out, key, n, aad, plaintext) {
        used.push(toHex(key) + toHex(n));
        aead.sealInto(out, key, n, aad, plaintext);
      },
      open: aead.open,
    };
    const state = cipherState(watched, "ChaChaPoly", new Uint8Array(32).fill(1));
    for (let i = 0; i < 50; i++) {
      expect(state.nonce).toBe(i);
      state.encrypt(empty, Uint8Array.of(i));
      if (i % 10 === 9) state.rekey();
    }
    expect(new Set(used).size).toBe(used.length);
  });

  it("spends a nonce even when sealing fails", () => {
    let fail = true;
    const flaky: Aead = {
      sealInto(...args) {
        if (fail) throw new Error("out of memory");
        aead.sealInto(...args);
      },
      open: aead.open,
    };
    const state = cipherState(flaky, "ChaChaPoly", new Uint8Array(32).fill(1));
    expect(() => state.encrypt(empty, empty)).toThrowError("out of memory");
    fail = false;
    expect(toHex(state.encrypt(empty, empty))).toBe(toHex(make(1).encrypt(empty, empty)));
  });

  it("stops hard when the nonces are used up, in both directions", () => {
    const last = Number.MAX_SAFE_INTEGER - 1;
    const send = make(last);
    const receive = make(last);
    const message = send.encrypt(empty, encodeUtf8("last"));
    expect(receive.decrypt(empty, message)).toEqual(encodeUtf8("last"));
    for (let i = 0; i < 2; i++) {
      expect(() => send.encrypt(empty, empty)).toThrowError(code("session_ended"));
      expect(() => receive.decrypt(empty, message)).toThrowError(code("session_ended"));
    }
  });

  it("refuses a forgery, a replay, a gap, another AD and any other length, and then takes the right message", () => {
    const send = make();
    const receive = make();
    const [first, second] = [send.encrypt(Uint8Array.of(1), encodeUtf8("a")), send.encrypt(empty, encodeUtf8("b"))];
    const refused = (ad: Uint8Array, message: Uint8Array) => expect(() => receive.decrypt(ad, message)).toThrowError(code("auth"));
    refused(Uint8Array.of(1), second);
    refused(empty, first);
    for (let length = 0; length < first.length; length++) refused(Uint8Array.of(1), first.subarray(0, length));
    refused(Uint8Array.of(1), new Uint8Array(70_000));
    const forged = first.slice();
    forged[0] = (forged[0] as number) ^ 1;
    refused(Uint8Array.of(1), forged);
    expect(receive.nonce).toBe(0);
    expect(receive.decrypt(Uint8Array.of(1), first)).toEqual(encodeUtf8("a"));
    refused(Uint8Array.of(1), first);
    expect(receive.decrypt(empty, second)).toEqual(encodeUtf8("b"));
  });

  it("seals at most 65,535 bytes", () => {
    const state = make();
    expect(() => state.encrypt(empty, new Uint8Array(65_520))).toThrowError(code("too_large"));
    expect(state.encrypt(empty, new Uint8Array(65_519))).toHaveLength(65_535);
    expect(state.nonce).toBe(1);
  });

  it("rekeys as section 4.2 says, erasing the old key", () => {
    const key = new Uint8Array(32).fill(1);
    const out = new Uint8Array(48);
    const last = new Uint8Array(12).fill(0xff, 4);
    aead.sealInto(out, key, last, empty, new Uint8Array(32));
    expect(toHex(rekeyed(aead, key))).toBe(toHex(out.subarray(0, 32)));
    const state = cipherState(aead, "ChaChaPoly", key);
    state.rekey();
    expect(toHex(key)).toBe("00".repeat(32));
    const expected = new Uint8Array(16);
    aead.sealInto(expected, out.slice(0, 32), nonce("ChaChaPoly", 0), empty, empty);
    expect(toHex(state.encrypt(empty, empty))).toBe(toHex(expected));
  });
});
