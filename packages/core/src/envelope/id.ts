import type { Runtime } from "../runtime/runtime.js";

const high = new Uint8Array(256);
const low = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  high[byte] = "0123456789abcdef".charCodeAt(byte >> 4);
  low[byte] = "0123456789abcdef".charCodeAt(byte & 15);
}

const grammar = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for a UUIDv7 in its one spelling here: lower case with hyphens. */
export const isUuid = (value: unknown): value is string => typeof value === "string" && value.length === 36 && grammar.test(value);

/** New ids, at this time of the wall clock. Throws what `runtime.random` throws; then no id is made. */
export interface Ids {
  text(now?: number): string;
  /** 16 bytes, good until the next id is made: an id that only travels needs no text. */
  bytes(now?: number): Uint8Array;
}

/**
 * A source of UUIDv7 (RFC 9562, section 5.7), each greater than the one before it, also within one ms and when the clock goes
 * back (section 6.2, method 1): 48 bits of ms, 12 bits of counter that start at random below 2048 in each ms and move the
 * ms on when they are used up, 62 random bits.
 */
export function createIds(runtime: Runtime): Ids {
  const bytes = new Uint8Array(16);
  let pool: Uint8Array = new Uint8Array(0);
  let next = 0;
  let time = -1;
  let counter = 0;

  function draw(count: number): number {
    if (next + count > pool.length) {
      pool = runtime.random.bytes(2048);
      next = 0;
    }
    next += count;
    return next - count;
  }

  function startOf(ms: number): void {
    const from = draw(2);
    counter = (((pool[from] as number) << 8) | (pool[from + 1] as number)) & 0x7ff;
    time = ms;
    const upper = Math.floor(ms / 0x1_0000_0000);
    bytes[0] = upper >>> 8;
    bytes[1] = upper;
    bytes[2] = ms >>> 24;
    bytes[3] = ms >>> 16;
    bytes[4] = ms >>> 8;
    bytes[5] = ms;
  }

  const make = (now = runtime.clock.wall()): Uint8Array => {
    if (now > time) startOf(now);
    else if (++counter > 0xfff) startOf(time + 1);
    const from = draw(8);
    bytes[6] = 0x70 | (counter >> 8);
    bytes[7] = counter;
    bytes[8] = 0x80 | ((pool[from] as number) & 0x3f);
    for (let i = 1; i < 8; i++) bytes[8 + i] = pool[from + i] as number;
    return bytes;
  };
  return { bytes: make, text: (now) => uuidText(make(now), 0) };
}

const codes = new Array<number>(36).fill(0x2d);

/** The text of the 16 bytes at `at`, which the caller has checked to be there. */
export function uuidText(bytes: Uint8Array, at: number): string {
  let to = 0;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) to++;
    const byte = bytes[at + i] as number;
    codes[to++] = high[byte] as number;
    codes[to++] = low[byte] as number;
  }
  // One call makes flat text, twice to five times as fast as joining pairs; the text is hashed right afterwards.
  return String.fromCharCode.apply(null, codes);
}

/** True when the 16 bytes at `at` carry version 7 and the variant of RFC 9562. */
export const isUuidAt = (bytes: Uint8Array, at: number): boolean => ((bytes[at + 6] as number) & 0xf0) === 0x70 && ((bytes[at + 8] as number) & 0xc0) === 0x80;

const digits = new Uint8Array(128).fill(255);
for (let i = 0; i < 16; i++) digits["0123456789abcdef".charCodeAt(i)] = i;

/** Writes the 16 bytes of `text` at `at`. False, with garbage written, when `text` is not what `isUuid` accepts. */
export function writeUuid(text: string, bytes: Uint8Array, at: number): boolean {
  if (typeof text !== "string" || text.length !== 36) return false;
  let wrong = 0;
  let from = 0;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) wrong |= text.charCodeAt(from++) ^ 45;
    const upper = digits[text.charCodeAt(from)] ?? 255;
    const lower = digits[text.charCodeAt(from + 1)] ?? 255;
    wrong |= (upper | lower) & 0xf0;
    bytes[at + i] = (upper << 4) | lower;
    from += 2;
  }
  return wrong === 0 && isUuidAt(bytes, at);
}
