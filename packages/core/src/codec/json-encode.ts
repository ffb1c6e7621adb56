import { encodeUtf8, isWellFormed } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { type JsonLimits, jsonLimits } from "./limits.js";
import { formatPath } from "./path.js";
import { isPlainObject } from "./plain.js";
import type { EncodedPayload } from "./types.js";

interface Writer {
  text: string;
  keys: number;
  containers: number;
  /** The key under which each level was entered, and the container it was found in. */
  readonly path: (string | number)[];
  readonly open: unknown[];
  readonly limits: JsonLimits;
}

/**
 * JSON text in UTF-8 of exactly what was given, or `not_serialisable` with the path of what is in the way.
 *
 * What travels: null, booleans, finite numbers, well-formed strings, arrays without holes, and plain objects (those whose
 * prototype is null or `Object.prototype`) of these. A property that is `undefined` is left out and -0 becomes 0, as in JSON;
 * symbol keys are left out. Everything else is refused instead of being changed in silence: `undefined` anywhere else, NaN
 * and Infinity, bigints, functions, symbols, class instances (Date, Map, Error, boxed values, typed arrays; `toJSON` is never
 * called), lone surrogates, a key named `__proto__`, cycles, and what throws when read. Each property is read once.
 * `too_large` past the limits for bytes, keys and containers: the receiver would refuse it.
 */
export function encodeJson(value: unknown, limits: JsonLimits = jsonLimits): EncodedPayload {
  const writer: Writer = { text: "", keys: 0, containers: 0, path: [], open: [], limits };
  try {
    write(writer, value, 0);
  } catch (cause) {
    if (cause instanceof TightbeamError) throw cause;
    throw new TightbeamError("not_serialisable", `${formatPath("payload", writer.path)} threw while it was read: send plain data.`, { cause });
  }
  const bytes = encodeUtf8(writer.text);
  if (bytes.length > limits.jsonMaxBytes) throw tooLarge(limits);
  return { kind: "json", bytes };
}

function write(writer: Writer, value: unknown, depth: number): void {
  switch (typeof value) {
    case "string":
      writer.text += quote(writer, value, depth);
      return;
    case "number":
      if (!Number.isFinite(value)) throw refuse(writer, depth, "is NaN or infinite, which JSON cannot hold");
      writer.text += value;
      return;
    case "boolean":
      writer.text += value ? "true" : "false";
      return;
    case "object":
      if (value === null) writer.text += "null";
      else writeContainer(writer, value, depth);
      return;
    case "undefined":
      throw refuse(writer, depth, "is undefined: send null or leave it out");
    default:
      throw refuse(writer, depth, `is a ${typeof value}, which JSON cannot hold`);
  }
}

function writeContainer(writer: Writer, value: object, depth: number): void {
  if (depth >= writer.limits.jsonMaxDepth) {
    const cycle = writer.open.includes(value);
    throw refuse(writer, depth, cycle ? "belongs to a cycle" : `is nested deeper than ${writer.limits.jsonMaxDepth} levels`);
  }
  if (++writer.containers > writer.limits.jsonMaxContainers) throw tooMany(writer.limits.jsonMaxContainers, "objects and arrays");
  writer.open[depth] = value;
  if (Array.isArray(value)) writeArray(writer, value, depth);
  else writeObject(writer, value, depth);
  writer.path.length = depth;
}

function writeArray(writer: Writer, value: readonly unknown[], depth: number): void {
  let separator = "[";
  for (let i = 0; i < value.length; i++) {
    writer.path[depth] = i;
    writer.text += separator;
    separator = ",";
    write(writer, value[i], depth + 1);
    if (writer.text.length > writer.limits.jsonMaxBytes) throw tooLarge(writer.limits);
  }
  writer.text += separator === "[" ? "[]" : "]";
}

function writeObject(writer: Writer, value: object, depth: number): void {
  if (!isPlainObject(value)) {
    const what = value instanceof ArrayBuffer ? "a buffer" : ArrayBuffer.isView(value) ? "a view of bytes" : undefined;
    const hint =
      what === undefined ? "not a plain object: convert it to plain data" : `${what}: bytes travel as a Uint8Array that is all of it, or as base64url text`;
    throw refuse(writer, depth, `is ${hint}`);
  }
  let separator = "{";
  for (const key of Object.keys(value)) {
    writer.path[depth] = key;
    const member: unknown = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (key === "__proto__") throw refuse(writer, depth + 1, "is a key that JSON payloads may not use");
    if (++writer.keys > writer.limits.jsonMaxKeys) throw tooMany(writer.limits.jsonMaxKeys, "keys");
    writer.text += `${separator}${quote(writer, key, depth + 1)}:`;
    separator = ",";
    write(writer, member, depth + 1);
    if (writer.text.length > writer.limits.jsonMaxBytes) throw tooLarge(writer.limits);
  }
  writer.text += separator === "{" ? "{}" : "}";
}

/** Short text without anything to escape is the ordinary case and needs no call into JSON.stringify. */
function quote(writer: Writer, text: string, depth: number): string {
  if (text.length <= 40) {
    let i = 0;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code === 0x22 || code === 0x5c || code >= 0xd800) break;
    }
    if (i === text.length) return `"${text}"`;
  } else if (text.length > writer.limits.jsonMaxBytes) {
    throw tooLarge(writer.limits);
  }
  if (!isWellFormed(text)) throw refuse(writer, depth, "holds a lone surrogate, which UTF-8 cannot hold");
  return JSON.stringify(text);
}

const refuse = (writer: Writer, depth: number, why: string): TightbeamError =>
  new TightbeamError("not_serialisable", `${formatPath("payload", writer.path.slice(0, depth))} ${why}.`);

const tooLarge = (limits: JsonLimits): TightbeamError =>
  new TightbeamError(
    "too_large",
    `The payload is more than ${limits.jsonMaxBytes} bytes of JSON: send it as bytes or in parts, or raise jsonMaxBytes on both sides.`,
  );

const tooMany = (count: number, things: string): TightbeamError =>
  new TightbeamError("too_large", `The payload has more than ${count} ${things}: send less at once, or bytes.`);
