import { concat, empty, encodeUtf8, fromBase64url, reader, toBase64url, writeU8, writeU32, writeU64 } from "../../bytes.js";
import type { PublicJwk } from "../../identity/types.js";
import * as protocol from "../../protocol.js";
import { type Address, isAgentId, isInstance } from "../../transport/address.js";

/** What an agent is to others, as far as those who hear its hints need to know before they link. */
export interface Roles {
  readonly publishes: boolean;
  readonly subscribes: boolean;
  /** It is of some kind, or serves contracts. */
  readonly serves: boolean;
  /** It looks for those that serve. */
  readonly seeks: boolean;
}

/** What one instance says of itself to whoever listens in its realm. */
export interface Hint extends Roles {
  /** The last one: it leaves. */
  readonly leaves: boolean;
  /** ms until the next one at the latest, but for its jitter. */
  readonly every: number;
  /** Higher in each hint of an instance: its wall clock, or one more than the last. */
  readonly counter: number;
  /** Wall ms. */
  readonly expires: number;
  readonly id: string;
  readonly instance: string;
  readonly key: PublicJwk;
}

const typeByte = (protocol.version << 4) | 7;
const bits = { publishes: 1, subscribes: 2, serves: 4, seeks: 8, leaves: 16 } as const;
const fixedBytes = 22;
const signatureBytes = 64;
const instanceBytes = 22;
const everyMin = 100;
const everyMax = 600_000;

export const isInterval = (ms: unknown): ms is number => Number.isInteger(ms) && (ms as number) >= everyMin && (ms as number) <= everyMax;

/** No hint is larger: an id of a realm and a name of 64 each, and a P-256 key. */
export const hintMaxBytes = fixedBytes + 1 + 129 + instanceBytes + 1 + 64 + signatureBytes;

/** The bytes of a hint up to its signature. */
export function encodeHint(hint: Hint): Uint8Array {
  const fixed = new Uint8Array(fixedBytes);
  let flags = 0;
  for (const name of Object.keys(bits) as (keyof typeof bits)[]) if (hint[name]) flags |= bits[name];
  let at = writeU8(fixed, writeU8(fixed, 0, typeByte), flags);
  at = writeU32(fixed, at, hint.every);
  writeU64(fixed, writeU64(fixed, at, hint.counter), hint.expires);
  const { key } = hint;
  const x = fromBase64url(key.x);
  return concat(
    fixed,
    Uint8Array.of(hint.id.length),
    encodeUtf8(hint.id),
    encodeUtf8(hint.instance),
    Uint8Array.of(key.kty === "OKP" ? 1 : 2),
    x,
    key.kty === "OKP" ? empty : fromBase64url(key.y),
  );
}

/** What a hint's signature is over: its purpose, where it was said, and its bytes up to the signature. */
export const hintText = (at: Address, body: Uint8Array): Uint8Array =>
  concat(encodeUtf8("tightbeam/1 presence\0"), Uint8Array.of(at.length), encodeUtf8(at), body);

export interface ReadHint {
  readonly hint: Hint;
  /** Views of what was read. */
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

/** Reads what anybody may have sent: undefined for all but a hint, whose signature is still to be verified. Bits unknown to this version mean nothing to it. */
export function decodeHint(bytes: Uint8Array): ReadHint | undefined {
  if (bytes.length > hintMaxBytes || bytes[0] !== typeByte) return undefined;
  try {
    const input = reader(bytes);
    input.u8();
    const flags = input.u8();
    const every = input.u32();
    const counter = input.u64();
    const expires = input.u64();
    const id = ascii(input.view(input.u8()));
    const instance = ascii(input.view(instanceBytes));
    const kind = input.u8();
    if (kind !== 1 && kind !== 2) return undefined;
    const x = toBase64url(input.view(32));
    const key: PublicJwk = kind === 1 ? { kty: "OKP", crv: "Ed25519", x } : { kty: "EC", crv: "P-256", x, y: toBase64url(input.view(32)) };
    const body = bytes.subarray(0, input.offset);
    const signature = input.view(signatureBytes);
    input.end();
    if (!isInterval(every) || !isAgentId(id) || !isInstance(instance)) return undefined;
    const has = (name: keyof typeof bits): boolean => (flags & bits[name]) !== 0;
    const roles = { publishes: has("publishes"), subscribes: has("subscribes"), serves: has("serves"), seeks: has("seeks") };
    return { hint: { ...roles, leaves: has("leaves"), every, counter, expires, id, instance, key }, body, signature };
  } catch {
    return undefined;
  }
}

/** Bytes beyond ASCII become characters that no grammar takes. */
const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
