import { TightbeamError } from "../errors.js";
import type { VerifyBackend } from "./provider.js";

/** The part of `node:crypto` that the native provider uses. Core has no Node types: the module is reached at run time, where there is one. */
export interface NodeCrypto {
  createCipheriv(cipher: string, key: NodeKey | Uint8Array, nonce: Uint8Array, options: { authTagLength: number }): NodeCipher;
  createDecipheriv(cipher: string, key: NodeKey | Uint8Array, nonce: Uint8Array, options: { authTagLength: number }): NodeDecipher;
  createSecretKey(key: Uint8Array): NodeKey;
  createPrivateKey(input: { key: object; format: string; type?: string }): NodeKey;
  createPublicKey(input: NodeKey | { key: object; format: string; type?: string }): NodeKey;
  diffieHellman(keys: { privateKey: NodeKey; publicKey: NodeKey }): Uint8Array;
  /** Reads a WebCrypto key. */
  KeyObject: { from(key: CryptoKey): NodeKey };
  sign(hash: string | null, data: Uint8Array, key: NodeKey | { key: NodeKey; dsaEncoding: "ieee-p1363" }): Uint8Array;
  createHash(algorithm: string): NodeHash;
  /** Node 20.12 and later: one call, half the cost of `createHash`. */
  hash?(algorithm: string, data: Uint8Array, encoding: "buffer"): Uint8Array;
  /** Node 24.7 and later. */
  encapsulate?(publicKey: NodeKey): { sharedKey: Uint8Array; ciphertext: Uint8Array };
  decapsulate?(privateKey: NodeKey, ciphertext: Uint8Array): Uint8Array;
}

export interface NodeKey {
  export(options: { format: "jwk" }): { x?: string };
  export(options: { format: "der"; type: "spki" }): Uint8Array;
}

interface NodeCipher {
  setAAD(aad: Uint8Array): unknown;
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
  getAuthTag(): Uint8Array;
}

interface NodeDecipher {
  setAAD(aad: Uint8Array): unknown;
  setAuthTag(tag: Uint8Array): unknown;
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

interface NodeHash {
  update(data: Uint8Array): NodeHash;
  digest(): Uint8Array;
}

/** `node:crypto` of this process, or undefined in runtimes without it. */
export function nodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  try {
    return process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;
  } catch {
    return undefined;
  }
}

/**
 * Node returns Buffers, whose `slice` shares memory: hand out plain arrays. Where one comes out of a pool it is copied: applications
 * see the `.buffer` of a payload, and beside it would lie the plaintext of others.
 */
export const plain = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array => {
  const view = new Uint8Array(buffer, byteOffset, byteLength);
  return byteLength === buffer.byteLength ? view : view.slice();
};

interface NodeVerify {
  createPublicKey(input: { key: JsonWebKey; format: "jwk" }): object;
  verify(hash: string | null, data: Uint8Array, key: object, signature: Uint8Array): boolean;
}

/** Signatures through `node:crypto`: about half the CPU of WebCrypto, which pays for a trip through a thread. */
export const nodeVerify: VerifyBackend = async (alg, jwk) => {
  const crypto = nodeCrypto() as NodeVerify | undefined;
  if (crypto === undefined) throw new TightbeamError("unsupported", "this runtime has no node:crypto");
  const key = crypto.createPublicKey({ key: jwk, format: "jwk" });
  return alg === "EdDSA"
    ? async (signature, data) => crypto.verify(null, data, key, signature)
    : async (signature, data) => crypto.verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
};
