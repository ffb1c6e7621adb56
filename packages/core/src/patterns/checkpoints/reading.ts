import { decodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import { isTightbeamError, type TightbeamError } from "../../errors.js";
import type { State } from "../../store/state.js";
import type { DamagedEntry } from "../../store/types.js";
import type { BookHost } from "../durable/book.js";
import { damaged, decodeCheckpoint, decodeKept, joinParts, type Kept, namePrefix, numberOfKey, partKey, versionKey } from "./entry.js";
import { missingMark } from "./witness.js";

export interface Found {
  /** Newest first. */
  readonly kept: readonly Kept[];
  /** The highest number there ever was, as far as it can be known. */
  readonly last: number;
  readonly damaged: { readonly key: string; readonly error: TightbeamError } | undefined;
}

/** What there is of a name. Rejects what the store rejects. */
export async function readKept(state: State, name: string, digest: string): Promise<Found> {
  const key = namePrefix(digest);
  const found = await attempt(key, async () => {
    const value = await state.get(key);
    if (value === undefined) return { kept: [] };
    const decoded = decodeKept(key, value);
    if (decoded.name !== name) throw damaged(key);
    return decoded;
  });
  const newest = await newestKey(state, `${key}/`);
  const written = newest === undefined ? 0 : (numberOfKey(digest, newest) ?? 0);
  if ("kept" in found) {
    const listed = found.kept[0]?.number ?? 0;
    if (written <= listed) return { kept: found.kept, last: listed, damaged: undefined };
    const error = damaged(key, `there is a newer checkpoint, ${written}, than it knows of`);
    return { ...(await readVersions(state, digest)), damaged: { key, error } };
  }
  return { ...(await readVersions(state, digest)), damaged: found };
}

/** Without the entry that lists them. */
async function readVersions(state: State, digest: string): Promise<Pick<Found, "kept" | "last">> {
  const prefix = `${namePrefix(digest)}/`;
  const kept: Kept[] = [];
  let last = 0;
  for await (const [key, value] of state.scan(prefix)) {
    const number = numberOfKey(digest, key);
    if (number === undefined) continue;
    last = Math.max(last, number);
    if (key !== versionKey(digest, number)) continue;
    const { head } = decodeCheckpointOr(key, value) ?? {};
    if (head?.number === number) kept.unshift({ number, at: head.at, bytes: head.bytes, parts: head.parts });
  }
  for (const { key } of state.damaged) if (key.startsWith(prefix)) last = Math.max(last, numberOfKey(digest, key) ?? 0);
  return { kept, last };
}

const decodeCheckpointOr = (key: string, value: Uint8Array): ReturnType<typeof decodeCheckpoint> | undefined => {
  try {
    return decodeCheckpoint(key, value);
  } catch {
    return undefined;
  }
};

async function newestKey(state: State, prefix: string): Promise<string | undefined> {
  for await (const [key] of state.scan(prefix, { reverse: true, limit: 1 })) return key;
  return undefined;
}

/** The state of one checkpoint. Rejects `store_damaged`, and what the store rejects. */
export async function readState(state: State, books: BookHost, json: JsonLimits, name: string, digest: string, number: number): Promise<unknown> {
  const key = versionKey(digest, number);
  const value = await state.get(key);
  if (value === undefined) throw damaged(key, "it is not there");
  const { head, rest } = decodeCheckpoint(key, value);
  if (head.name !== name || head.number !== number) throw damaged(key);
  for (const witness of head.witnesses) {
    const missing = await missingMark(state, books, witness, head.at);
    if (missing !== undefined) throw damaged(key, `it claims more than was handled: a message that is in it is not marked in ${missing}`);
  }
  const bytes = head.parts === 0 ? rest : joinParts(key, head, await readParts(state, digest, head));
  try {
    return decodePayload({ kind: head.kind, bytes }, json);
  } catch (error) {
    if (isTightbeamError(error) && error.code === "too_large") throw error;
    throw damaged(key);
  }
}

async function readParts(state: State, digest: string, { number, parts }: Kept): Promise<Uint8Array[]> {
  const read: Uint8Array[] = [];
  for (let part = 1; part <= parts; part++) {
    const key = partKey(digest, number, part);
    const value = await state.get(key);
    if (value === undefined) throw damaged(key, "it is not there");
    read.push(value);
  }
  return read;
}

async function attempt<T extends object>(key: string, read: () => Promise<T>): Promise<T | { readonly key: string; readonly error: TightbeamError }> {
  try {
    return await read();
  } catch (error) {
    if (isTightbeamError(error) && error.code === "store_damaged") return { key, error };
    throw error;
  }
}

/** What there is of a name, and what of it is damaged. Rejects what the store rejects. */
export async function lookAt(
  state: State,
  books: BookHost,
  json: JsonLimits,
  name: string,
): Promise<{ readonly kept: readonly Kept[]; readonly damaged: readonly DamagedEntry[] }> {
  const digest = state.digest(name);
  const { kept, damaged: list } = await readKept(state, name, digest);
  const entries: DamagedEntry[] = list === undefined ? [] : [list];
  for (const { number } of kept) {
    const found = await attempt(versionKey(digest, number), async () => ({ state: await readState(state, books, json, name, digest, number) }));
    // It may have made room for a newer one meanwhile.
    if ("error" in found && (await readKept(state, name, digest)).kept.some((each) => each.number === number)) entries.push(found);
  }
  return { kept, damaged: entries };
}
