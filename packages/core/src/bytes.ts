import { TightbeamError } from "./errors.js";

const malformed = (message: string): TightbeamError => new TightbeamError("malformed", message);

export const empty: Uint8Array = new Uint8Array(0);

/** A new array with all parts in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Compares contents in time that depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** True when every byte is zero, in time that depends on the length only. */
export function isZero(bytes: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < bytes.length; i++) bits |= bytes[i] as number;
  return bits === 0;
}

const hexPairs = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** Lower case, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += hexPairs[bytes[i] as number];
  return text;
}

const hexDigit = (code: number): number =>
  code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : code >= 65 && code <= 70 ? code - 55 : -1;

/** For published constants: the text is taken on trust. */
export const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Either case; throws `malformed` for anything but pairs of digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw malformed("hex text has an odd number of digits");
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i));
    const low = hexDigit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) throw malformed("hex text holds a character that is not a hex digit");
    out[i] = high * 16 + low;
  }
  return out;
}

const base64Codes = Uint8Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", (char) => char.charCodeAt(0));
const base64Values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) base64Values[base64Codes[i] as number] = i;
/** Multiple of 3; as many arguments as any engine takes. */
const base64ChunkBytes = 3 * 1024;

/** RFC 4648 section 5, without padding. Flat strings of 4 KiB: built up character by character it would be kept as a tree 20 times its size. */
export function toBase64url(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += base64ChunkBytes) text += base64Chunk(bytes.subarray(at, at + base64ChunkBytes));
  return text;
}

function base64Chunk(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    codes.push(
      base64Codes[bits >> 18] as number,
      base64Codes[(bits >> 12) & 63] as number,
      base64Codes[(bits >> 6) & 63] as number,
      base64Codes[bits & 63] as number,
    );
  }
  codes.length = Math.ceil((bytes.length * 4) / 3);
  return String.fromCharCode.apply(undefined, codes);
}

/** RFC 4648 section 5, strictly: no padding, no whitespace, unused bits of the last character zero, so each value has one spelling. Throws `malformed`. */
export function fromBase64url(text: string): Uint8Array {
  const tail = text.length % 4;
  if (tail === 1) throw malformed("base64url text has an impossible length");
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let have = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (base64Values[code] as number) : -1;
    if (value < 0) throw malformed("base64url text holds a character outside A-Z a-z 0-9 _ -");
    bits = ((bits << 6) | value) & 0xffff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[at++] = bits >> have;
    }
  }
  if ((bits & ((1 << have) - 1)) !== 0) throw malformed("base64url text is not canonical: its last character has unused bits");
  return out;
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** False for text with a lone surrogate, which UTF-8 cannot carry. */
export const isWellFormed = (text: string): boolean => (text as unknown as { isWellFormed(): boolean }).isWellFormed();

/** UTF-8. Throws `malformed` for lone surrogates, which an encoder would silently replace. */
export function encodeUtf8(text: string): Uint8Array {
  if (!isWellFormed(text)) throw malformed("text holds a lone surrogate, which UTF-8 cannot hold");
  return textEncoder.encode(text);
}

/** UTF-8, strictly: throws `malformed` for anything not well-formed; a byte order mark stays part of the text. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return textDecoder.decode(bytes);
  } catch {
    throw malformed("bytes are not well-formed UTF-8");
  }
}

export { readU8, readU16, readU32, readU48, readU64, writeU8, writeU16, writeU32, writeU48, writeU64 } from "./integers.js";
export { type Reader, reader } from "./reader.js";
