import * as keptLimits from "../../kept-limits.js";
import type { Clock } from "../../runtime/runtime.js";
import type { State } from "../../store/state.js";
import type { StoreChange } from "../../store/types.js";
import { createLedger, type Done, type Gone, keyBytes, type Ledger, type LedgerBounds } from "./ledger.js";
import { damaged, decodeRecord, encodeRecord, notKept, recordHeadBytes, recordPrefix } from "./record.js";
import type { KeptReply } from "./types.js";

export type IdempotencyState = Pick<State, "get" | "batch" | "scan" | "digest" | "capabilities" | "damaged">;

export interface Found {
  /** SHA-256 of what was asked. */
  readonly content: Uint8Array;
  readonly reply: KeptReply;
}

/** Replies by peer agent and key: in memory, or their whereabouts in memory and themselves in the state. */
export interface Archive {
  /** Of a key whose operation is over. A promise where the state is asked; it rejects as that does, and `store_damaged`. */
  find(peer: string, key: string): Found | undefined | Promise<Found>;
  /** A new key runs. The ms until there may be room, or 0. */
  begin(peer: string, key: string): number;
  /** What became of it. Where there is a state it counts when what this returns has settled, which may be tried again. */
  finish(peer: string, key: string, found: Found): (() => Promise<void>) | undefined;
  /** Nothing came of it. */
  forget(peer: string, key: string): void;
  /** Its operation is over, and it is not too old. */
  has(peer: string, key: string): boolean;
  /** What is too old goes. */
  prune(): void;
  readonly ledger: Pick<Ledger, "keys" | "bytes">;
}

/** Reads what the state has. Rejects what that rejects. */
export async function createArchive(bounds: LedgerBounds, clock: Clock, state: IdempotencyState | undefined): Promise<Archive> {
  const ledger = createLedger(bounds);
  return state === undefined ? memoryArchive(ledger, clock) : storedArchive(ledger, clock, state);
}

function memoryArchive(ledger: Ledger, clock: Clock): Archive {
  return {
    ledger,
    find(peer, key) {
      const done = ledger.find(peer, key);
      if (done === undefined || !ledger.isOld(done, clock.wall())) return done?.kept;
      ledger.forget(peer, key);
      return undefined;
    },
    begin: (peer, key) => ledger.begin(peer, key, clock.wall()).wait,
    finish(peer, key, { content, reply }) {
      const now = clock.wall();
      const doneWith = (kept: KeptReply, bytes: number): Done => ({ at: Math.floor(now), bytes, kept: { content, reply: kept } });
      if (!ledger.finish(peer, key, doneWith(ofOwn(reply), keyBytes + sizeOf(reply)), now).fits) ledger.finish(peer, key, doneWith(notKept, keyBytes), now);
      return undefined;
    },
    forget: (peer, key) => ledger.forget(peer, key),
    has: (peer, key) => ledger.find(peer, key) !== undefined,
    prune: () => void ledger.prune(clock.wall()),
  };
}

const keyOf = ({ peer, key }: Gone): string => `${recordPrefix}${peer}/${key}`;

async function storedArchive(ledger: Ledger, clock: Clock, state: IdempotencyState): Promise<Archive> {
  const { maxValueBytes } = state.capabilities;
  /** Of what is forgotten: they go with the next batch. */
  let removals = new Set<string>();
  const peers = new Map<string, string>();

  const placeOf = (peer: string, key: string): Gone => {
    let name = peers.get(peer);
    if (name === undefined) {
      if (peers.size >= keptLimits.idempotencyPeersNamed) peers.clear();
      name = state.digest(peer);
      peers.set(peer, name);
    }
    return { peer: name, key: state.digest(key) };
  };

  const write = async (changes: readonly StoreChange[]): Promise<void> => {
    const going = removals;
    removals = new Set();
    for (const change of changes) if ("put" in change) going.delete(change.put);
    if (going.size + changes.length === 0) return;
    try {
      await state.batch([...[...going].map((remove) => ({ remove })), ...changes]);
    } catch (error) {
      for (const key of going) removals.add(key);
      throw error;
    }
  };

  /** What cannot be removed now is with the next batch. */
  const tidy = (): void => void write([]).catch(() => undefined);

  const forgotten = (gone: readonly Gone[]): void => {
    for (const one of gone) removals.add(keyOf(one));
    if (removals.size >= keptLimits.idempotencyRemovals) tidy();
  };

  await fill(ledger, clock, state);
  forgotten(ledger.prune(clock.wall()));

  return {
    ledger,
    find(peer, key) {
      const place = placeOf(peer, key);
      const done = ledger.find(place.peer, place.key);
      if (done === undefined) return undefined;
      if (ledger.isOld(done, clock.wall())) {
        ledger.forget(place.peer, place.key);
        forgotten([place]);
        return undefined;
      }
      return state.get(keyOf(place)).then((bytes) => {
        // Whoever removes it forgets it first.
        if (bytes === undefined) throw damaged();
        return decodeRecord(bytes);
      });
    },
    begin(peer, key) {
      const place = placeOf(peer, key);
      const { gone, wait } = ledger.begin(place.peer, place.key, clock.wall());
      forgotten(gone);
      return wait;
    },
    finish(peer, key, { content, reply }) {
      const place = placeOf(peer, key);
      const now = clock.wall();
      const at = Math.floor(now);
      let value = encodeRecord({ at, content, reply });
      let done: Done = { at, bytes: keyBytes + value.length, kept: undefined };
      const { gone, fits } = value.length > maxValueBytes ? { gone: [], fits: false } : ledger.finish(place.peer, place.key, done, now);
      forgotten(gone);
      if (!fits) {
        value = encodeRecord({ at, content, reply: notKept });
        done = { ...done, bytes: keyBytes };
        ledger.finish(place.peer, place.key, done, now);
      }
      return async () => {
        // It may be too old meanwhile.
        if (ledger.find(place.peer, place.key) === done) await write([{ put: keyOf(place), value }]);
      };
    },
    forget(peer, key) {
      const place = placeOf(peer, key);
      ledger.forget(place.peer, place.key);
    },
    has(peer, key) {
      const place = placeOf(peer, key);
      return ledger.find(place.peer, place.key) !== undefined;
    },
    prune() {
      forgotten(ledger.prune(clock.wall()));
      tidy();
    },
  };
}

/** What cannot be read may have been done: its key is not run again, and its time counts from now. */
async function fill(ledger: Ledger, clock: Clock, state: IdempotencyState): Promise<void> {
  const found: { name: string; at: number; bytes: number }[] = [];
  for await (const [name, value] of state.scan(recordPrefix)) {
    let at = clock.wall();
    try {
      ({ at } = decodeRecord(value));
    } catch {
      // Told to whoever asks for it.
    }
    found.push({ name, at, bytes: keyBytes + value.length });
  }
  for (const { key } of state.damaged) if (key.startsWith(recordPrefix)) found.push({ name: key, at: clock.wall(), bytes: keyBytes });
  found.sort((a, b) => a.at - b.at);
  for (const { name, at, bytes } of found) {
    const [peer = "", key = ""] = name.slice(recordPrefix.length).split("/");
    ledger.place(peer, key, { at, bytes, kept: undefined });
  }
}

const sizeOf = ({ payload, error }: KeptReply): number => recordHeadBytes + (payload?.bytes.length ?? 0) + (error?.message.length ?? 0);

/** Bytes that nobody else writes to. */
const ofOwn = (reply: KeptReply): KeptReply =>
  reply.payload === undefined ? reply : { ...reply, payload: { ...reply.payload, bytes: reply.payload.bytes.slice() } };
