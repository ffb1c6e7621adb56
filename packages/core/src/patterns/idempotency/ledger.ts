import * as keptLimits from "../../kept-limits.js";
import * as limits from "../../limits.js";
import type { KeptReply } from "./types.js";

export interface LedgerBounds {
  readonly keepMs: number;
  readonly liveMs: number;
  /** Of one peer agent. */
  readonly keys: number;
  /** Of all. */
  readonly bytes: number;
}

/** A key whose operation is over. */
export interface Done {
  /** Wall ms. */
  readonly at: number;
  /** Of memory or store. */
  readonly bytes: number;
  /** Where there is no store. */
  readonly kept: { readonly content: Uint8Array; readonly reply: KeptReply } | undefined;
}

/** What is known of one peer agent's keys. */
interface PeerKeys {
  readonly name: string;
  /** Of those that run, and of those that are over in the order in which they were. */
  readonly running: Set<string>;
  readonly done: Map<string, Done>;
  bytes: number;
}

export interface Gone {
  readonly peer: string;
  readonly key: string;
}

/** Which keys there are, and which go when there is no room. */
export interface Ledger {
  /** Of what is over. */
  find(peer: string, key: string): Done | undefined;
  /** A new key runs. Returns the ms until there may be room, and takes nothing, when there is none. */
  begin(peer: string, key: string, now: number): { readonly gone: readonly Gone[]; readonly wait: number };
  /** It is over. False, and nothing changes, when there is no room for what it said. */
  finish(peer: string, key: string, done: Done, now: number): { readonly gone: readonly Gone[]; readonly fits: boolean };
  /** Nothing is remembered of it. */
  forget(peer: string, key: string): void;
  /** As it was found in the store. */
  place(peer: string, key: string, done: Done): void;
  /** What is too old goes. */
  prune(now: number): readonly Gone[];
  isOld(done: Done, now: number): boolean;
  readonly keys: number;
  readonly bytes: number;
}

/** What a key costs beside its reply. */
export const keyBytes = 512;

class ReplyLedger implements Ledger {
  keys = 0;
  bytes = 0;
  readonly #bounds: LedgerBounds;
  readonly #peers = new Map<string, PeerKeys>();

  constructor(bounds: LedgerBounds) {
    this.#bounds = bounds;
  }

  find(peer: string, key: string): Done | undefined {
    return this.#peers.get(peer)?.done.get(key);
  }

  begin(peer: string, key: string, now: number): { readonly gone: readonly Gone[]; readonly wait: number } {
    const keys = this.#keysOf(peer);
    const gone: Gone[] = [];
    const { keys: most, bytes } = this.#bounds;
    const fits = (): boolean => keys.done.size + keys.running.size < most && keys.bytes + keyBytes <= bytes / 2;
    const inAll = Math.max(keptLimits.idempotencyKeysInAll, most);
    for (let full = !fits(); full || this.keys >= inAll || this.bytes + keyBytes > bytes; full = !fits()) {
      const from = full ? keys : this.#largest();
      if (this.#dropOldest(from, now, gone)) continue;
      this.#count(keys, 0, 0);
      return { gone, wait: this.#waitFor(from, now) };
    }
    keys.running.add(key);
    this.#count(keys, 1, keyBytes);
    return { gone, wait: 0 };
  }

  finish(peer: string, key: string, done: Done, now: number): { readonly gone: readonly Gone[]; readonly fits: boolean } {
    const keys = this.#keysOf(peer);
    const gone: Gone[] = [];
    // It may be over already, with another reply.
    const more = done.bytes - (keys.done.get(key)?.bytes ?? keyBytes);
    const { bytes } = this.#bounds;
    while (more > 0 && keys.bytes + more > bytes / 2) if (!this.#dropOldest(keys, now, gone)) return { gone, fits: false };
    while (more > 0 && this.bytes + more > bytes) if (!this.#dropOldest(this.#largest(), now, gone)) return { gone, fits: false };
    keys.running.delete(key);
    keys.done.set(key, done);
    this.#count(keys, 0, more);
    return { gone, fits: true };
  }

  forget(peer: string, key: string): void {
    const keys = this.#peers.get(peer);
    if (keys === undefined) return;
    const done = keys.done.get(key);
    if (!keys.running.delete(key) && !keys.done.delete(key)) return;
    this.#count(keys, -1, -(done?.bytes ?? keyBytes));
  }

  place(peer: string, key: string, done: Done): void {
    const keys = this.#keysOf(peer);
    keys.done.set(key, done);
    this.#count(keys, 1, done.bytes);
  }

  prune(now: number): readonly Gone[] {
    const gone: Gone[] = [];
    for (const keys of [...this.#peers.values()]) {
      for (const [key, done] of keys.done) {
        if (!this.isOld(done, now)) break;
        gone.push({ peer: keys.name, key });
        this.forget(keys.name, key);
      }
    }
    return gone;
  }

  isOld({ at }: Done, now: number): boolean {
    return now - at >= this.#bounds.keepMs;
  }

  #keysOf(peer: string): PeerKeys {
    let keys = this.#peers.get(peer);
    if (keys === undefined) {
      keys = { name: peer, running: new Set(), done: new Map(), bytes: 0 };
      this.#peers.set(peer, keys);
    }
    return keys;
  }

  #count(keys: PeerKeys, count: number, bytes: number): void {
    keys.bytes += bytes;
    this.bytes += bytes;
    this.keys += count;
    if (keys.done.size + keys.running.size === 0) this.#peers.delete(keys.name);
    else if (!this.#peers.has(keys.name)) this.#peers.set(keys.name, keys);
  }

  /** False when the oldest is too young to go. */
  #dropOldest(keys: PeerKeys, now: number, gone: Gone[]): boolean {
    for (const [key, { at }] of keys.done) {
      // A clock that was set back must not make everything young for ever.
      if (now >= at && now - at < this.#bounds.liveMs) return false;
      gone.push({ peer: keys.name, key });
      this.forget(keys.name, key);
      return true;
    }
    return false;
  }

  #waitFor(keys: PeerKeys, now: number): number {
    for (const { at } of keys.done.values()) return Math.min(Math.max(this.#bounds.liveMs - (now - at), limits.overloadedMinMs), limits.overloadedMaxMs);
    return limits.overloadedMinMs;
  }

  /** Who holds the most gives way first. */
  #largest(): PeerKeys {
    let largest: PeerKeys | undefined;
    for (const keys of this.#peers.values()) if (largest === undefined || keys.done.size > largest.done.size) largest = keys;
    return largest ?? { name: "", running: new Set(), done: new Map(), bytes: 0 };
  }
}

export const createLedger = (bounds: LedgerBounds): Ledger => new ReplyLedger(bounds);
