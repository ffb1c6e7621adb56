import { TightbeamError } from "../errors.js";
import type { JsonLimits } from "./limits.js";

const quoteMark = 0x22;
const backslash = 0x5c;

const string = 1;
const colon = 2;
const open = 3;
const close = 4;
const digit = 5;
const classes = new Uint8Array(256);
classes[quoteMark] = string;
classes[0x3a] = colon;
classes[0x5b] = classes[0x7b] = open;
classes[0x5d] = classes[0x7d] = close;
for (let code = 0x30; code <= 0x39; code++) classes[code] = digit;

export const badJson = (why: string): TightbeamError => new TightbeamError("invalid_envelope", `The JSON payload ${why}.`);

/**
 * One pass over JSON text before it is parsed, linear and without allocation: refuses what JSON.parse would accept at a
 * price or in silence: too deep, too many keys or containers, a key spelled `__proto__` (escapes included), an escaped lone surrogate.
 * It does not check the grammar; JSON.parse does that next. Throws `invalid_envelope` with a byte position.
 *
 * Returns whether a number might be too large for a double (an exponent, or 309 digits): only then need the value be searched.
 */
export function scanJson(bytes: Uint8Array, limits: JsonLimits): boolean {
  const length = bytes.length;
  let at = 0;
  let depth = 0;
  let keys = 0;
  let containers = 0;
  let start = 0;
  let end = 0;
  let largeNumber = false;
  while (at < length) {
    switch (classes[bytes[at] as number]) {
      case string:
        start = ++at;
        for (let byte = bytes[at]; byte !== quoteMark; byte = bytes[at]) {
          if (byte === undefined) throw badJson("ends inside a string");
          at = byte === backslash ? skipEscape(bytes, at) : at + 1;
        }
        end = at++;
        break;
      case colon:
        if (++keys > limits.jsonMaxKeys) throw badJson(`has more than ${limits.jsonMaxKeys} keys`);
        if (end - start >= protoKey.length && isProtoKey(bytes, start, end)) throw badJson(`has the forbidden key __proto__ at byte ${start}`);
        at++;
        break;
      case open:
        if (++depth > limits.jsonMaxDepth) throw badJson(`is nested deeper than ${limits.jsonMaxDepth} levels at byte ${at}`);
        if (++containers > limits.jsonMaxContainers) throw badJson(`has more than ${limits.jsonMaxContainers} objects and arrays`);
        at++;
        break;
      case close:
        depth--;
        at++;
        break;
      case digit: {
        const first = at++;
        while (classes[bytes[at] as number] === digit) at++;
        if (at - first >= 309 || ((bytes[at] as number) | 0x20) === 0x65) largeNumber = true;
        break;
      }
      default:
        at++;
    }
  }
  return largeNumber;
}

/** Returns the position after the escape, both halves of a surrogate pair taken together. */
function skipEscape(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== 0x75) return at + 2;
  const unit = hex4(bytes, at + 2);
  if (unit < 0) throw badJson(`has a broken escape at byte ${at}`);
  if (unit < 0xd800 || unit > 0xdfff) return at + 6;
  const low = bytes[at + 6] === backslash && bytes[at + 7] === 0x75 ? hex4(bytes, at + 8) : -1;
  if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) throw badJson(`has a lone surrogate at byte ${at}`);
  return at + 12;
}

function hex4(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const lower = byte | 0x20;
    const nibble = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
    if (nibble < 0) return -1;
    value = value * 16 + nibble;
  }
  return value;
}

const protoKey = [0x5f, 0x5f, 0x70, 0x72, 0x6f, 0x74, 0x6f, 0x5f, 0x5f] as const;

function isProtoKey(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (const wanted of protoKey) {
    if (at >= end) return false;
    if (bytes[at] === wanted) at += 1;
    else if (bytes[at] === backslash && bytes[at + 1] === 0x75 && hex4(bytes, at + 2) === wanted) at += 6;
    else return false;
  }
  return at === end;
}
