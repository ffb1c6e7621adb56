import * as nodeCryptoModule from "node:crypto";
import { describe, expect, it } from "vitest";
import { empty, toHex } from "../../src/bytes.js";
import { aeadThreshold, crypto, loadCrypto } from "../../src/crypto/index.js";
import { nativeProvider } from "../../src/crypto/native.js";
import { loadNobleAesGcm, loadNobleBlake2s, loadNobleX25519, nobleChachaPoly, nobleSha256 } from "../../src/crypto/noble.js";
import { type NodeCrypto, nodeCrypto } from "../../src/crypto/node-crypto.js";
import type { Aead } from "../../src/crypto/provider.js";
import { type ScriptSource, selectCrypto } from "../../src/crypto/select.js";
import { mixedAead } from "../../src/crypto/threshold.js";
import { systemRuntime } from "../../src/runtime/index.js";

const node = nodeCryptoModule as unknown as NodeCrypto;
const { clock } = systemRuntime();
const noble: ScriptSource = { chachaPoly: nobleChachaPoly, sha256: nobleSha256, aesGcm: loadNobleAesGcm, blake2s: loadNobleBlake2s, x25519: loadNobleX25519 };
const names = (native: object): string[] => Object.keys(native).filter((name) => name !== "name");
const everything = ["chachaPoly", "aesGcm", "sha256", "blake2s", "x25519"];

/** node:crypto with some functions replaced. */
const patched = (changes: Partial<Record<keyof NodeCrypto, unknown>>): NodeCrypto => ({ ...node, ...changes }) as NodeCrypto;

describe("nativeProvider", () => {
  it("finds everything in Node and nothing where there is no node:crypto", () => {
    expect(nodeCrypto()).toBeDefined();
    expect(names(nativeProvider())).toEqual(everything);
    expect(names(nativeProvider({} as NodeCrypto))).toEqual([]);
    expect(nativeProvider(undefined)).toHaveProperty("chachaPoly");
  });

  it("leaves out what is missing, as ChaCha20-Poly1305 in Bun, and keeps the rest", () => {
    const createCipheriv: NodeCrypto["createCipheriv"] = (name, ...rest) => {
      if (name === "chacha20-poly1305") throw new Error("Unknown cipher");
      return node.createCipheriv(name, ...rest);
    };
    expect(names(nativeProvider(patched({ createCipheriv })))).toEqual(["aesGcm", "sha256", "blake2s", "x25519"]);
  });

  it("works where crypto.hash is missing", () => {
    expect(names(nativeProvider(patched({ hash: undefined })))).toEqual(everything);
  });

  const wrong = <Args extends unknown[]>(real: (...args: Args) => Uint8Array) => {
    return (...args: Args): Uint8Array => {
      const result = new Uint8Array(real(...args));
      result[0] = (result[0] as number) ^ 1;
      return result;
    };
  };
  it.each<[string, Partial<Record<keyof NodeCrypto, unknown>>, string[]]>([
    ["a hash", { hash: wrong(node.hash as NonNullable<NodeCrypto["hash"]>) }, ["chachaPoly", "aesGcm", "x25519"]],
    ["a DH", { diffieHellman: wrong(node.diffieHellman) }, ["chachaPoly", "aesGcm", "sha256", "blake2s"]],
    [
      "a DH that takes small-order points",
      { diffieHellman: (keys: Parameters<NodeCrypto["diffieHellman"]>[0]) => tolerant(keys) },
      ["chachaPoly", "aesGcm", "sha256", "blake2s", "x25519"],
    ],
    [
      "a cipher",
      { createCipheriv: () => ({ setAAD() {}, update: (data: Uint8Array) => data, final() {}, getAuthTag: () => new Uint8Array(16) }) },
      ["sha256", "blake2s", "x25519"],
    ],
    ["a decipher that accepts anything", { createDecipheriv: decipherWithoutTag }, ["sha256", "blake2s", "x25519"]],
  ])("with %s that is wrong, leaves exactly that out", (_what, changes, left) => {
    expect(names(nativeProvider(patched(changes)))).toEqual(left);
  });

  /** Some libraries return zeros instead of failing: our own check must refuse them. */
  function tolerant(keys: Parameters<NodeCrypto["diffieHellman"]>[0]): Uint8Array {
    try {
      return node.diffieHellman(keys);
    } catch {
      return new Uint8Array(32);
    }
  }

  it("refuses a small-order point even over a DH that would take it", () => {
    const x25519 = nativeProvider(patched({ diffieHellman: tolerant })).x25519;
    expect(() => x25519?.shared(new Uint8Array(32).fill(1), new Uint8Array(32))).toThrowError(expect.objectContaining({ code: "invalid_key" }));
  });

  function decipherWithoutTag(...args: Parameters<NodeCrypto["createDecipheriv"]>): ReturnType<NodeCrypto["createDecipheriv"]> {
    const real = node.createDecipheriv(...args);
    return {
      setAAD: (aad) => real.setAAD(aad),
      setAuthTag: (tag) => real.setAuthTag(tag),
      update: (data) => real.update(data),
      final: () => new Uint8Array(0),
    };
  }
});

describe("selectCrypto", () => {
  it("TM-15 falls back to noble for what native lacks or gets wrong", async () => {
    const native = nativeProvider(patched({ hash: () => new Uint8Array(32), diffieHellman: () => new Uint8Array(32).fill(1) }));
    const { provider, load } = selectCrypto(native, noble, clock);
    expect(provider.name).toBe("native and noble");
    expect(provider.sha256).toBe(nobleSha256);
    expect(() => provider.x25519).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    await load("x25519", "blake2s");
    expect(provider.x25519.keyPair(new Uint8Array(32).fill(1)).publicKey).toHaveLength(32);
    expect(provider.blake2s.name).toBe("BLAKE2s");
    expect(provider.aesGcm).toBe(native.aesGcm);
  });

  it("is all noble without native code", async () => {
    const { provider, load } = selectCrypto({}, noble, clock);
    expect([provider.name, provider.chachaPoly]).toEqual(["noble", nobleChachaPoly]);
    expect(() => provider.aesGcm).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    expect(await load("aesGcm", "blake2s", "x25519")).toBe(provider);
    expect(provider.aesGcm).toBeDefined();
  });

  const brokenAead: Aead = { sealInto: () => undefined, open: () => new Uint8Array(0) };
  it("TM-15 refuses to work when noble is wrong too", async () => {
    const thrown = expect.objectContaining({ code: "internal" });
    expect(() => selectCrypto({}, { ...noble, chachaPoly: brokenAead }, clock)).toThrowError(thrown);
    expect(() => selectCrypto({}, { ...noble, sha256: { ...nobleSha256, digest: () => new Uint8Array(32) } }, clock)).toThrowError(thrown);
    const { load, provider } = selectCrypto(
      {},
      { ...noble, aesGcm: async () => brokenAead, x25519: async () => ({ keyPair: (s) => ({ publicKey: s, secretKey: s }), shared: (s) => s }) },
      clock,
    );
    await expect(load("aesGcm")).rejects.toEqual(thrown);
    await expect(load("x25519")).rejects.toEqual(thrown);
    expect(() => provider.x25519).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("gives this process one provider", async () => {
    expect(crypto()).toBe(crypto());
    expect(await loadCrypto("x25519", "aesGcm", "blake2s")).toBe(crypto());
    crypto().chachaPoly.open(new Uint8Array(32), new Uint8Array(12), empty, new Uint8Array(16));
    expect([undefined, 0, 256, 1_024, 2_048]).toContain(aeadThreshold());
  });
});

describe("mixedAead", () => {
  type Cost = (size: number, call: number) => number;
  /** A clock that only moves when an AEAD says what it cost, in µs. */
  function model(nativeCost: Cost, scriptCost: Cost, lightCost?: Cost) {
    let now = 0;
    const used: string[] = [];
    const made: boolean[] = [];
    const aead = (name: string, cost: Cost): Aead => {
      let calls = 0;
      return {
        sealInto(out, key, nonce, aad, plaintext) {
          now += cost(plaintext.length, calls++) / 1_000;
          used.push(name);
          nobleChachaPoly.sealInto(out, key, nonce, aad, plaintext);
        },
        open: (key, nonce, aad, ciphertext) => nobleChachaPoly.open(key, nonce, aad, ciphertext),
        expect: (toSeal) => made.push(toSeal),
      };
    };
    const script = aead("script", scriptCost);
    const light = lightCost && aead("light", lightCost);
    const mixed = mixedAead(
      aead("native", nativeCost),
      () => script,
      { monotonic: () => now, wall: () => 0 },
      async () => light,
    );
    const key = new Uint8Array(32);
    const nonce = new Uint8Array(12);
    const seal = (size: number): string | undefined => {
      mixed.sealInto(new Uint8Array(size + 16), key, nonce, empty, new Uint8Array(size));
      return used.at(-1);
    };
    const settle = async (size = 10): Promise<void> => {
      for (let i = 0; i < 512; i++) expect(seal(size)).toBe("native");
      await new Promise(setImmediate);
      for (let i = 0; i < 1_025; i++) seal(size);
    };
    const prepares = (): number => {
      made.length = 0;
      mixed.expect?.(true, key, nonce, empty);
      return made.length;
    };
    return { mixed, seal, settle, used, prepares };
  }
  const dear: Cost = () => 14;
  const slowing: Cost = (size) => 6 + size / 150;

  it("makes ciphers ahead of time as long as messages are native", async () => {
    const { seal, settle, prepares } = model(dear, slowing);
    seal(10);
    expect(prepares()).toBe(1);
    await settle();
    expect([seal(10), prepares()]).toEqual(["script", 0]);
    expect([seal(4_096), prepares()]).toEqual(["native", 1]);
  });

  it("is native always where a native call is cheap", async () => {
    const { mixed, settle, used } = model(() => 4, slowing);
    await settle();
    expect(mixed.threshold).toBe(0);
    expect(used).not.toContain("script");
  });

  it("does not judge native calls by the first ones, which the engine has not compiled", async () => {
    const { mixed, settle, used } = model((_size, call) => (call < 400 ? 20 : 8), slowing);
    await settle();
    expect(mixed.threshold).toBe(0);
    expect(used).not.toContain("script");
  });

  it("finds the crossing where a native call has a high fixed cost", async () => {
    const { mixed, seal, settle } = model(dear, slowing);
    await settle();
    expect(mixed.threshold).toBe(2_048);
    expect([seal(0), seal(2_047), seal(2_048), seal(100_000)]).toEqual(["script", "script", "native", "native"]);
  });

  it("takes the light one for small messages, where there is one and it is faster", async () => {
    const { mixed, seal, settle, used } = model(
      () => 8,
      slowing,
      (size) => 2 + size / 150,
    );
    await settle();
    expect(mixed.threshold).toBe(1_024);
    expect([seal(0), seal(1_023), seal(1_024), seal(100_000)]).toEqual(["light", "light", "native", "native"]);
    expect(used).not.toContain("script");
    const slow = model(
      () => 8,
      slowing,
      () => 9,
    );
    await slow.settle();
    expect([slow.mixed.threshold, slow.seal(10)]).toEqual([0, "native"]);
  });

  it("never gives large messages to another, not even while undecided", async () => {
    const { seal } = model(
      () => 1_000,
      () => 1,
    );
    for (let i = 0; i < 4_000; i++) {
      expect(seal(i % 2 === 0 ? 10 : 4_096)).toSatisfy((name) => i % 2 === 0 || name === "native");
      if (i % 1_000 === 999) await new Promise(setImmediate);
    }
  });

  it("gives the same bytes whoever does the work", async () => {
    const { mixed, settle, used } = model(dear, slowing);
    const seen = new Set<string>();
    const sealed = (): void => {
      const out = new Uint8Array(26);
      mixed.sealInto(out, new Uint8Array(32), new Uint8Array(12), empty, new Uint8Array(10));
      seen.add(toHex(out));
    };
    sealed();
    await settle();
    sealed();
    expect(seen.size).toBe(1);
    expect([used[0], used.at(-1)]).toEqual(["native", "script"]);
  });
});
