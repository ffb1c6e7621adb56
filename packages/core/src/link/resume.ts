import { concat } from "../bytes.js";
import type { Hash } from "../crypto/provider.js";
import { TightbeamError } from "../errors.js";

/**
 * LINK (docs/protocol.md, section 6): what each side says about the link when a session begins.
 * `half 32 | generation u32 | 4 x next expected u48 | [MAC 32]`
 */
export interface LinkOffer {
  /** This side's part of the link key: random, constant for the link. */
  readonly half: Uint8Array;
  /** One higher at each renewal. */
  readonly generation: number;
  /** Next expected sequence of each lane. */
  readonly next: readonly number[];
  /** Present to continue. */
  readonly mac: Uint8Array | undefined;
}

export const halfBytes = 32;
const macBytes = 32;
const bareBytes = halfBytes + 4 + 4 * 6;
const label = new TextEncoder().encode("tightbeam/1 resume\0");

export function encodeLinkOffer(offer: LinkOffer): Uint8Array {
  const bytes = new Uint8Array(bareBytes + (offer.mac === undefined ? 0 : macBytes));
  const view = new DataView(bytes.buffer);
  bytes.set(offer.half);
  view.setUint32(halfBytes, offer.generation);
  for (let lane = 0; lane < 4; lane++) {
    const value = offer.next[lane] as number;
    view.setUint16(halfBytes + 4 + lane * 6, Math.floor(value / 2 ** 32));
    view.setUint32(halfBytes + 6 + lane * 6, value >>> 0);
  }
  if (offer.mac !== undefined) bytes.set(offer.mac, bareBytes);
  return bytes;
}

/** Throws `malformed` for any other length. */
export function decodeLinkOffer(bytes: Uint8Array): LinkOffer {
  if (bytes.length !== bareBytes && bytes.length !== bareBytes + macBytes) throw new TightbeamError("malformed", "LINK has the wrong length.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const next = [0, 1, 2, 3].map((lane) => view.getUint16(halfBytes + 4 + lane * 6) * 2 ** 32 + view.getUint32(halfBytes + 6 + lane * 6));
  return { half: bytes.slice(0, halfBytes), generation: view.getUint32(halfBytes), next, mac: bytes.length > bareBytes ? bytes.slice(bareBytes) : undefined };
}

export interface LinkHalf {
  readonly instance: string;
  readonly half: Uint8Array;
}

/** SHA-256 over both halves, the smaller instance id first. */
export function linkKey(sha256: Hash, a: LinkHalf, b: LinkHalf): Uint8Array {
  const [first, second] = a.instance < b.instance ? [a, b] : [b, a];
  return sha256.digest(first.half, second.half);
}

/** `role` of the side that makes the MAC: 0 initiator (over the proof's h), 1 responder (over the final hash). */
export const resumeMac = (sha256: Hash, key: Uint8Array, role: 0 | 1, h: Uint8Array): Uint8Array => sha256.hmac(key, concat(label, Uint8Array.of(role), h));
