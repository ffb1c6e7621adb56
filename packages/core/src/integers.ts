import { TightbeamError } from "./errors.js";

/*
 * Big-endian integers in byte arrays. Writers return the offset after what they wrote, and throw `invalid_argument`
 * for a value that does not fit and `internal` for a place outside the array, where a typed array would silently drop it.
 */

function check(out: Uint8Array, at: number, width: number, value: number, below: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= below) throw new TightbeamError("invalid_argument", `${width} bytes cannot hold this number`);
  if (!(at >= 0 && at + width <= out.length)) throw new TightbeamError("internal", `${width} bytes do not fit at offset ${at} of ${out.length}`);
}

function need(bytes: Uint8Array, at: number, width: number): void {
  if (!(at >= 0 && at + width <= bytes.length)) throw tooShort(bytes, at, width);
}

export const tooShort = ({ length }: Uint8Array, at: number, width: number): TightbeamError =>
  new TightbeamError("malformed", `${width} bytes expected at offset ${at}, the input has ${length}`);

export function writeU8(out: Uint8Array, at: number, value: number): number {
  check(out, at, 1, value, 0x100);
  out[at] = value;
  return at + 1;
}

export function writeU16(out: Uint8Array, at: number, value: number): number {
  check(out, at, 2, value, 0x1_0000);
  out[at] = value >>> 8;
  out[at + 1] = value;
  return at + 2;
}

export function writeU32(out: Uint8Array, at: number, value: number): number {
  check(out, at, 4, value, 0x1_0000_0000);
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

export function writeU48(out: Uint8Array, at: number, value: number): number {
  check(out, at, 6, value, 2 ** 48);
  writeU16(out, at, Math.floor(value / 0x1_0000_0000));
  return writeU32(out, at + 2, value % 0x1_0000_0000);
}

/** `value` below 2^53. */
export function writeU64(out: Uint8Array, at: number, value: number): number {
  check(out, at, 8, value, 2 ** 53);
  writeU32(out, at, Math.floor(value / 0x1_0000_0000));
  return writeU32(out, at + 4, value % 0x1_0000_0000);
}

/** Throws `malformed` past the end, like all readers here. */
export function readU8(bytes: Uint8Array, at: number): number {
  need(bytes, at, 1);
  return bytes[at] as number;
}

export function readU16(bytes: Uint8Array, at: number): number {
  need(bytes, at, 2);
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

export function readU32(bytes: Uint8Array, at: number): number {
  need(bytes, at, 4);
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

export function readU48(bytes: Uint8Array, at: number): number {
  need(bytes, at, 6);
  return readU16(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 2);
}

/** Throws `malformed` for 2^53 and above, which a number cannot hold exactly. */
export function readU64(bytes: Uint8Array, at: number): number {
  need(bytes, at, 8);
  const high = readU32(bytes, at);
  if (high >= 0x20_0000) throw new TightbeamError("malformed", "a 64-bit integer is 2^53 or more");
  return high * 0x1_0000_0000 + readU32(bytes, at + 4);
}
