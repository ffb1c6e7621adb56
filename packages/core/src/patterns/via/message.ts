import { unfilled } from "../../release.js";
import { isAddress } from "../../transport/address.js";
import { frameMark } from "../inside.js";

/** send: from a client, to an address. deliver: to a client, for one of its subscriptions. dropped: how much of one was lost. stopped: it forwards no longer. */
export const kinds = { send: 1, deliver: 2, dropped: 3, stopped: 4 } as const;

/** In a `send`: its sender has forwarded it, and those who listen through that sender have had it. */
export const forwardedFlag = 0x80;
const kindMask = 0x0f;

/** mark, kind and flags, hops, u32 subscription, u8 length of the address. */
const fixedBytes = 8;
export const longestAddress = 255;
/** The largest frame that is forwarded. */
export const frameMaxBytes = 128 * 1024;
/** The largest message that carries a frame. */
export const messageMaxBytes = fixedBytes + longestAddress + frameMaxBytes;

const slabBytes = 64 * 1024;
const sharedMax = 4 * 1024;

/** Small messages lie side by side in one buffer, as small envelopes do: no byte of it is given out twice. */
let slab = new Uint8Array(0);
let slabAt = 0;

function room(length: number): Uint8Array {
  if (length > sharedMax) return unfilled(length);
  if (slabAt + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabAt = 0;
  }
  slabAt += length;
  return slab.subarray(slabAt - length, slabAt);
}

/** A message of its own bytes. `address` is ASCII, at most 255 long: whoever calls has checked it. */
export function encodeMessage(kind: number, hops: number, subscription: number, address: string, body: Uint8Array): Uint8Array {
  const out = room(fixedBytes + address.length + body.length);
  out[0] = frameMark;
  out[1] = kind;
  out[2] = hops;
  putSubscription(out, subscription);
  out[7] = address.length;
  for (let index = 0; index < address.length; index++) out[fixedBytes + index] = address.charCodeAt(index);
  out.set(body, fixedBytes + address.length);
  return out;
}

/** Where the body of a received message begins; 0 when it is no message of this kind. */
export function bodyAt(message: Uint8Array): number {
  if (message.length < fixedBytes || message[0] !== frameMark) return 0;
  const kind = kindOf(message);
  if (kind < kinds.send || kind > kinds.stopped || ((message[1] as number) & ~(kindMask | forwardedFlag)) !== 0) return 0;
  const at = fixedBytes + (message[7] as number);
  return at <= message.length && message.length - at <= frameMaxBytes ? at : 0;
}

export const kindOf = (message: Uint8Array): number => (message[1] as number) & kindMask;
export const isForwarded = (message: Uint8Array): boolean => ((message[1] as number) & forwardedFlag) !== 0;
export const hopsOf = (message: Uint8Array): number => message[2] as number;
export const subscriptionOf = (message: Uint8Array): number =>
  (message[3] as number) * 0x100_0000 + (((message[4] as number) << 16) | ((message[5] as number) << 8) | (message[6] as number));

/** The address, of which `recent` may be the text already: most frames go where the one before went. Undefined when it is none. */
export function addressOf(message: Uint8Array, recent: string): string | undefined {
  const length = message[7] as number;
  if (length > 0 && length === recent.length && isTextAt(message, recent)) return recent;
  const codes = Array.from(message.subarray(fixedBytes, fixedBytes + length));
  const text = String.fromCharCode.apply(null, codes);
  return isAddress(text) ? text : undefined;
}

function isTextAt(message: Uint8Array, text: string): boolean {
  for (let index = text.length - 1; index >= 0; index--) if (message[fixedBytes + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** Makes of a message the next one: only its first seven bytes differ. */
export function readdress(message: Uint8Array, kind: number, hops: number, subscription: number): void {
  message[1] = kind;
  message[2] = hops;
  putSubscription(message, subscription);
}

function putSubscription(message: Uint8Array, subscription: number): void {
  message[3] = subscription >>> 24;
  message[4] = subscription >>> 16;
  message[5] = subscription >>> 8;
  message[6] = subscription;
}

/** A received message that outlives the delivery it came in: where it is not the receiver's own (link/message.ts), a copy. */
export const owned = (message: Uint8Array): Uint8Array => (message.length * 2 >= message.buffer.byteLength ? message : copyOf(message));

export function copyOf(message: Uint8Array): Uint8Array {
  const copy = room(message.length);
  copy.set(message);
  return copy;
}

/** The body of `dropped`: u32 frames, u48 bytes. */
export function encodeLoss(frames: number, bytes: number): Uint8Array {
  const body = new Uint8Array(10);
  const view = new DataView(body.buffer);
  view.setUint32(0, Math.min(frames, 0xffff_ffff));
  view.setUint16(4, Math.floor(Math.min(bytes, 2 ** 48 - 1) / 2 ** 32));
  view.setUint32(6, bytes % 2 ** 32);
  return body;
}

export function decodeLoss(body: Uint8Array): { readonly frames: number; readonly bytes: number } | undefined {
  if (body.length !== 10) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, 10);
  return { frames: view.getUint32(0), bytes: view.getUint16(4) * 2 ** 32 + view.getUint32(6) };
}
