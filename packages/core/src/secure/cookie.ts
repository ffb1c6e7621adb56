import { concat, encodeUtf8, equalBytes, readU32, writeU32 } from "../bytes.js";
import type { Hash } from "../crypto/provider.js";
import * as protocol from "../protocol.js";
import type { Runtime } from "../runtime/runtime.js";

/**
 * Proof that whoever sent an HS1 reads the reply address it named, without a table here (docs/protocol.md, section 4).
 * cookie = u32 time || SHA-256(first HS1) || HMAC(K, "tightbeam/1 cookie\0" || time || SHA-256(first HS1) || reply address)[16]
 */
export interface Cookies {
  make(firstHs1: Uint8Array, replyTo: string): Uint8Array;
  /** The hash of the first HS1 when the cookie is one of ours, young enough and for this address. */
  check(cookie: Uint8Array, replyTo: string): Uint8Array | undefined;
}

const label = encodeUtf8("tightbeam/1 cookie\0");
const keyBytes = 32;
const timeBytes = 4;
const hashBytes = 32;
const macBytes = 16;

/** `time` counts whole seconds of the monotonic clock: it means something to this process only. K is replaced every 60 s and the one before is kept as long again. */
export function createCookies({ clock, random }: Runtime, hash: Hash): Cookies {
  let current: { key: Uint8Array; since: number } | undefined;
  let previous: Uint8Array | undefined;

  const rotate = (now: number): Uint8Array => {
    if (current === undefined || now - current.since >= protocol.cookieValidMs) {
      const key = random.bytes(keyBytes);
      previous?.fill(0);
      previous = current !== undefined && now - current.since < 2 * protocol.cookieValidMs ? current.key : undefined;
      current = { key, since: now };
    }
    return current.key;
  };

  const mac = (key: Uint8Array, time: Uint8Array, firstHs1: Uint8Array, replyTo: string): Uint8Array =>
    hash.hmac(key, label, time, firstHs1, encodeUtf8(replyTo)).slice(0, macBytes);

  return {
    make(firstHs1, replyTo) {
      const now = clock.monotonic();
      const key = rotate(now);
      const time = new Uint8Array(timeBytes);
      writeU32(time, 0, Math.floor(now / 1000) % 2 ** 32);
      return concat(time, firstHs1, mac(key, time, firstHs1, replyTo));
    },
    check(cookie, replyTo) {
      if (cookie.length !== protocol.cookieBytes) return undefined;
      const now = clock.monotonic();
      const age = Math.floor(now / 1000) - readU32(cookie, 0);
      if (age < 0 || age * 1000 > protocol.cookieValidMs) return undefined;
      rotate(now);
      const time = cookie.subarray(0, timeBytes);
      const firstHs1 = cookie.slice(timeBytes, timeBytes + hashBytes);
      const given = cookie.subarray(timeBytes + hashBytes);
      const keys = [current?.key, previous];
      return keys.some((key) => key !== undefined && equalBytes(given, mac(key, time, firstHs1, replyTo))) ? firstHs1 : undefined;
    },
  };
}

/** The hash a cookie carries, unchecked: the initiator compares it with its own first HS1. */
export const cookieHash = (cookie: Uint8Array): Uint8Array => cookie.subarray(timeBytes, timeBytes + hashBytes);
