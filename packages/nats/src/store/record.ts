import type { StoreChange } from "@tightbeam/core/store";
import { isKey, TightbeamError } from "@tightbeam/core/store";

/** A key with its new value; undefined when it was removed. */
export type Change = readonly [key: string, value: Uint8Array | undefined];

/*
 * A record of the log is one message: u8 version 1, u8 flags (1: the first part of a group of batches, 2: the last), then changes, end to end:
 * u8 1 (put) or 0 (remove), u16 length of the key, the key, and for a put u32 length of the value, the value. Parts are cut anywhere.
 */
const version = 1;
const headerBytes = 2;
const firstPart = 1;
const lastPart = 2;

/** The changes as bytes, and the same changes with values that are views of these bytes. */
export function encodeChanges(changes: readonly StoreChange[]): { readonly bytes: Uint8Array; readonly changes: Change[] } {
  let length = 0;
  for (const change of changes) length += "put" in change ? 7 + change.put.length + change.value.length : 3 + change.remove.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const views: Change[] = [];
  let at = 0;
  for (const change of changes) {
    const key = "put" in change ? change.put : change.remove;
    bytes[at] = "put" in change ? 1 : 0;
    view.setUint16(at + 1, key.length);
    at += 3;
    for (let i = 0; i < key.length; i++) bytes[at + i] = key.charCodeAt(i);
    at += key.length;
    if (!("put" in change)) {
      views.push([key, undefined]);
      continue;
    }
    view.setUint32(at, change.value.length);
    bytes.set(change.value, at + 4);
    at += 4 + change.value.length;
    views.push([key, bytes.subarray(at - change.value.length, at)]);
  }
  return { bytes, changes: views };
}

/** The messages of a group, none longer than `maxBytes`. */
export function cutRecords(batches: readonly Uint8Array[], maxBytes: number): Uint8Array[] {
  const room = maxBytes - headerBytes;
  const total = batches.reduce((sum, { length }) => sum + length, 0);
  const all = new Uint8Array(total);
  let at = 0;
  for (const batch of batches) {
    all.set(batch, at);
    at += batch.length;
  }
  const records: Uint8Array[] = [];
  for (let start = 0; start < total; start += room) {
    const part = all.subarray(start, start + room);
    const record = new Uint8Array(headerBytes + part.length);
    record[0] = version;
    record[1] = (start === 0 ? firstPart : 0) | (start + room >= total ? lastPart : 0);
    record.set(part, headerBytes);
    records.push(record);
  }
  return records;
}

/** Puts the records of a log together, in their order. A group without its last part was never settled: it is left out. */
export function createReplay(apply: (changes: readonly Change[]) => void): (record: Uint8Array) => void {
  let parts: Uint8Array[] | undefined;
  return (record) => {
    const [found = 0, flags = 0] = record;
    if (record.length <= headerBytes || flags > 3) throw damaged("is none");
    if (found !== version) throw new TightbeamError("store_too_new", "The store was written by a newer version of @tightbeam/nats. Upgrade.");
    if ((flags & firstPart) !== 0) parts = [];
    if (parts === undefined) throw damaged("has no beginning");
    parts.push(record.subarray(headerBytes));
    if ((flags & lastPart) === 0) return;
    const [only] = parts;
    apply(decodeChanges(parts.length === 1 && only !== undefined ? only : joined(parts)));
    parts = undefined;
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function decodeChanges(bytes: Uint8Array): Change[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const changes: Change[] = [];
  let at = 0;
  const take = (length: number): number => {
    at += length;
    if (at > bytes.length) throw damaged("ends too early");
    return at - length;
  };
  while (at < bytes.length) {
    const put = bytes[take(1)];
    const keyLength = view.getUint16(take(2));
    const keyAt = take(keyLength);
    const key = keyLength > 256 ? "" : String.fromCharCode(...bytes.subarray(keyAt, keyAt + keyLength));
    if (put === undefined || put > 1 || !isKey(key)) throw damaged("is none");
    if (put === 0) {
      changes.push([key, undefined]);
      continue;
    }
    const length = view.getUint32(take(4));
    const start = take(length);
    changes.push([key, bytes.subarray(start, start + length)]);
  }
  return changes;
}

const damaged = (how: string): TightbeamError => new TightbeamError("store_damaged", `A record of the store's log ${how}.`);
