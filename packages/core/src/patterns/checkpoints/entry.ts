import { concat, decodeUtf8, encodeUtf8, equalBytes, fromBase64url, toBase64url } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import { crypto } from "../../crypto/index.js";
import { isPrintable } from "../../envelope/grammar.js";
import { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { numberKey } from "../../store/keys.js";
import type { StoreChange } from "../../store/types.js";
import type { Checkpoint } from "./types.js";
import { decodeWitness, encodeWitness, type Witness } from "./witness.js";

/*
 * The checkpoints of one name in the store:
 *   ck/<name digest>                         u8 1 | JSON { name, kept: [[number, at, bytes, parts]...] }, the newest first
 *   ck/<name digest>/<u48 number>            u8 1 | u16 length | JSON { name, number, at, kind, bytes, parts, hash?, marks } | the state
 *   ck/<name digest>/<u48 number>/<u16 part> what of the state does not fit into one value, from part 1
 */

export const checkpointPrefix = "ck/";

const version = 1;
const headAt = 3;

/** A line of the first entry. */
export interface Kept extends Checkpoint {
  /** Entries beside the first. */
  readonly parts: number;
}

export interface CheckpointHead extends Kept {
  readonly name: string;
  readonly kind: EncodedPayload["kind"];
  /** SHA-256 of the state where it lies in several entries. */
  readonly hash: Uint8Array | undefined;
  readonly witnesses: readonly Witness[];
}

export const isCheckpointName = (name: unknown): name is string => isPrintable(name) && name.length >= 1 && name.length <= keptLimits.checkpointNameMax;

export const namePrefix = (digest: string): string => checkpointPrefix + digest;
export const versionKey = (digest: string, number: number): string => `${namePrefix(digest)}/${numberKey(number)}`;
export const partKey = (digest: string, number: number, part: number): string => `${versionKey(digest, number)}/${part.toString(16).padStart(4, "0")}`;

/** The number of the checkpoint that a key belongs to. */
export function numberOfKey(digest: string, key: string): number | undefined {
  const [number = ""] = key.slice(namePrefix(digest).length + 1).split("/");
  return /^[0-9a-f]{12}$/.test(number) ? Number.parseInt(number, 16) : undefined;
}

export const encodeKept = (name: string, kept: readonly Kept[]): Uint8Array =>
  concat(Uint8Array.of(version), encodeUtf8(JSON.stringify({ name, kept: kept.map(({ number, at, bytes, parts }) => [number, at, bytes, parts]) })));

/** Throws `store_damaged`. */
export function decodeKept(key: string, value: Uint8Array): { readonly name: string; readonly kept: readonly Kept[] } {
  try {
    if (value[0] !== version) throw damaged(key);
    const { name, kept } = JSON.parse(decodeUtf8(value.subarray(1)));
    if (!isCheckpointName(name) || !Array.isArray(kept)) throw damaged(key);
    let above = 2 ** 48;
    const lines = kept.map((line: unknown) => {
      const [number, at, bytes, parts] = (Array.isArray(line) ? line : []) as unknown[];
      if (!(isCount(number) && isCount(at) && isCount(bytes) && isCount(parts)) || number >= above) throw damaged(key);
      above = number;
      return { number, at, bytes, parts };
    });
    return { name, kept: lines };
  } catch {
    throw damaged(key);
  }
}

/** What is put for one checkpoint, and how many entries beside the first that takes. */
export function encodeCheckpoint(
  digest: string,
  { kind, bytes }: EncodedPayload,
  of: Pick<CheckpointHead, "name" | "number" | "at" | "witnesses">,
  maxValueBytes: number,
): { readonly changes: readonly StoreChange[]; readonly parts: number } {
  const { name, number, at, witnesses } = of;
  const head = (parts: number, hash: string | undefined): Uint8Array => {
    const text = encodeUtf8(JSON.stringify({ name, number, at, kind, bytes: bytes.length, parts, hash, marks: witnesses.map(encodeWitness) }));
    const out = new Uint8Array(headAt + text.length);
    out[0] = version;
    out[1] = text.length >> 8;
    out[2] = text.length;
    out.set(text, headAt);
    return out;
  };
  const whole = head(0, undefined);
  if (whole.length + bytes.length <= maxValueBytes) return { changes: [{ put: versionKey(digest, number), value: concat(whole, bytes) }], parts: 0 };
  const parts = Math.ceil(bytes.length / maxValueBytes);
  const changes: StoreChange[] = [{ put: versionKey(digest, number), value: head(parts, toBase64url(crypto().sha256.digest(bytes))) }];
  for (let part = 1; part <= parts; part++)
    changes.push({ put: partKey(digest, number, part), value: bytes.subarray((part - 1) * maxValueBytes, part * maxValueBytes) });
  return { changes, parts };
}

/** Throws `store_damaged`. */
export function decodeCheckpoint(key: string, value: Uint8Array): { readonly head: CheckpointHead; readonly rest: Uint8Array } {
  try {
    const start = headAt + (value[1] as number) * 256 + (value[2] as number);
    if (value[0] !== version || !(start <= value.length)) throw damaged(key);
    const { name, number, at, kind, bytes, parts, hash, marks } = JSON.parse(decodeUtf8(value.subarray(headAt, start)));
    const known = isCheckpointName(name) && isCount(number) && isCount(at) && isCount(bytes) && isCount(parts) && parts <= partsMax;
    if (!known || !(kind === "json" || kind === "bytes") || !Array.isArray(marks)) throw damaged(key);
    const rest = value.subarray(start);
    if (parts === 0 && rest.length !== bytes) throw damaged(key);
    const witnesses = marks.map((mark: unknown) => {
      const witness = decodeWitness(mark);
      if (witness === undefined) throw damaged(key);
      return witness;
    });
    return { head: { name, number, at, kind, bytes, parts, hash: parts === 0 ? undefined : fromBase64url(hash), witnesses }, rest };
  } catch {
    throw damaged(key);
  }
}

/** The state out of its parts. Throws `store_damaged`. */
export function joinParts(key: string, { bytes, hash }: CheckpointHead, parts: readonly Uint8Array[]): Uint8Array {
  const all = concat(...parts);
  if (all.length !== bytes || hash === undefined || !equalBytes(crypto().sha256.digest(all), hash)) throw damaged(key);
  return all;
}

export const removalsOf = (digest: string, { number, parts }: Kept): StoreChange[] => [
  { remove: versionKey(digest, number) },
  ...Array.from({ length: parts }, (_, part) => ({ remove: partKey(digest, number, part + 1) })),
];

/** A value holds 256 KiB at least, which is the most that a store may hold less than a state. */
const partsMax = 2 ** 16 - 1;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

export const damaged = (key: string, why = "it is not what was written"): TightbeamError =>
  new TightbeamError("store_damaged", `The checkpoint ${key} is damaged: ${why}. Restore an earlier one with { orEarlier: true }, or the store from a copy.`);
