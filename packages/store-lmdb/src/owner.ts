import { TightbeamError } from "@tightbeam/core/store";
import type { Database } from "lmdb";
import { commit } from "./commit.js";
import { isAlive, removeSign, type Sign, type SignPlace, type SignServer } from "./sign-of-life.js";

/** The one process that may write. */
export interface Owner {
  /** Does the writes of `write` if this process still owns the store, in one transaction with that check, flushed; false: it does not any more. */
  whileMine(write: () => void): Promise<boolean>;
  /** Leaves the store to others. Never rejects. */
  release(): Promise<void>;
}

const format = 1;
const recordKey = Buffer.from("owner");

interface OwnerRecord {
  readonly format: number;
  /** Of the process that has the store open; null when it was closed. */
  readonly sign: Sign | null;
}

/**
 * Makes this process the owner. The record of the owner has a number that goes up with each change of it: a new owner replaces exactly the record
 * that it judged, and every write is made on condition of its own number. So two owners never write, whatever is believed about who lives.
 * Rejects `store_locked`, `store_too_new`, `store_damaged`.
 */
export async function takeOwnership(owners: Database<Buffer, Buffer>, path: string, server: SignServer): Promise<Owner> {
  const found = owners.getEntry(recordKey);
  const seen = found?.version ?? 0;
  const former = found === undefined ? undefined : parse(found.value, path);
  if (former?.sign && (await isAlive(former.sign, path))) throw locked(path);
  const mine = seen + 1;
  const replace = (): void => void owners.put(recordKey, encode(server.sign), mine);
  const taken = await commit(found === undefined ? owners.ifNoExists(recordKey, replace) : owners.ifVersion(recordKey, seen, replace));
  if (!taken) throw locked(path);
  if (former?.sign) removeSign(former.sign, path);
  return {
    whileMine: (write) => commit(owners.ifVersion(recordKey, mine, write)),
    async release() {
      const leave = (): void => void owners.put(recordKey, encode(null), mine + 1);
      await commit(owners.ifVersion(recordKey, mine, leave)).catch(() => undefined);
    },
  };
}

const encode = (sign: Sign | null): Buffer => Buffer.from(JSON.stringify({ format, sign } satisfies OwnerRecord));

function parse(bytes: Uint8Array, path: string): OwnerRecord {
  let record: Partial<OwnerRecord>;
  try {
    record = JSON.parse(Buffer.from(bytes).toString()) as Partial<OwnerRecord>;
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (typeof record?.format !== "number") throw damaged(path);
  if (record.format > format) throw new TightbeamError("store_too_new", `The store at ${path} was written by a newer version: use that version.`);
  const { sign } = record;
  if (sign === null) return { format, sign };
  if (typeof sign !== "object" || !/^[\w-]{22}$/.test(String(sign.name)) || !places.includes(sign.place)) throw damaged(path);
  return { format, sign: { name: sign.name, place: sign.place } };
}

const places: readonly SignPlace[] = ["store", "temporary", "pipe"];

const damaged = (path: string, cause?: unknown): TightbeamError =>
  new TightbeamError("store_damaged", `The store at ${path} is damaged: the record of its owner cannot be read. Restore it from a copy.`, { cause });

export const locked = (path: string): TightbeamError =>
  new TightbeamError("store_locked", `The store at ${path} is open already, in another process or in this one: close it there first, or give each its own.`);
