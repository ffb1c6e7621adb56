import { describe, expect, it } from "vitest";
import { keyCache, keyCacheFromSecondUse } from "../../src/crypto/key-cache.js";
import type { NodeKey } from "../../src/crypto/node-crypto.js";

const counting = () => {
  const loaded: string[] = [];
  const load = (bytes: Uint8Array): NodeKey => {
    loaded.push(bytes.join());
    return { of: bytes.join() } as unknown as NodeKey;
  };
  return { loaded, load };
};

describe("the key cache", () => {
  it("imports an array once, and again when it holds another key", () => {
    const { loaded, load } = counting();
    const imported = keyCache(load);
    const key = Uint8Array.of(1, 2);
    expect(imported(key)).toBe(imported(key));
    key.fill(0);
    expect(imported(key)).toEqual({ of: "0,0" });
    expect(loaded).toEqual(["1,2", "0,0"]);
  });

  it("imports at the second use only, where raw keys will do", () => {
    const { loaded, load } = counting();
    const imported = keyCacheFromSecondUse(load);
    const key = Uint8Array.of(1, 2);
    expect(imported(key)).toBe(key);
    expect(loaded).toEqual([]);
    const second = imported(key);
    expect(second).toEqual({ of: "1,2" });
    expect(imported(key)).toBe(second);
    key.fill(0);
    expect(imported(key)).toEqual({ of: "0,0" });
    expect(loaded).toEqual(["1,2", "0,0"]);
  });
});
