import { TightbeamError } from "@tightbeam/core";
import { checkChanges, checkKeyPrefix, type ScanOptions, type Store, type StoreChange, type StoreEntry } from "@tightbeam/core/store";
import { type Chance, createChance } from "../random.js";
import type { TraceDetail } from "../trace.js";
import type { Process } from "./process.js";

/** What a machine keeps beyond its processes: what was flushed, and of what was being flushed when one was killed the first part. */
export interface Disk {
  /** As one process. Throws `store_locked` while it has it open already. */
  open(process: Process, record: (detail: TraceDetail) => void): Store;
  /** Its process is being killed. */
  crash(): void;
  /** Batches reject `store_full`. */
  setFull(full: boolean): void;
  /** The next flush fails, and its store with it; false: it need not any more. */
  failFlush(fails: boolean): void;
  /** A flush failed: what has this disk open can do nothing with it any more. */
  readonly broken: boolean;
  /** Tells of the next flush, in its middle. */
  onFlush(run: (() => void) | undefined): void;
  /** One bit of a stored value changes, or of what the store says of itself. Returns the key. */
  rot(chance: Chance, of: "rot" | "header"): string | undefined;
  /** Nobody can open what is on it. */
  readonly lost: boolean;
}

interface Waiting {
  readonly changes: readonly StoreChange[];
  readonly settle: (error?: TightbeamError) => void;
}

const maxValueBytes = 16 * 1024 * 1024;
/** The store's own: without it nothing can be opened. */
const headerPrefix = "meta/";

export function createDisk(seed: number, agent: string): Disk {
  const entries = new Map<string, Uint8Array>();
  const chance = createChance(seed, "disk", agent);
  let isFull = false;
  let failing = false;
  let told: (() => void) | undefined;
  /** What is being flushed, and what came since. */
  let writing: Waiting[] = [];
  let waiting: Waiting[] = [];
  let owner: Process | undefined;
  let broken = false;
  let lost = false;

  const apply = (changes: readonly StoreChange[]): void => {
    for (const change of changes) {
      if ("put" in change) entries.set(change.put, change.value);
      else entries.delete(change.remove);
      if ("put" in change && change.put.startsWith(headerPrefix)) lost = false;
    }
  };
  const applyPart = (): void => {
    for (const { changes } of writing.slice(0, chance.below(writing.length + 1))) apply(changes);
  };

  const land = (): void => {
    const landing = writing;
    if (failing && landing.length > 0) {
      failing = false;
      broken = true;
      applyPart();
    }
    writing = [];
    for (const { changes, settle } of landing) {
      if (broken) settle(failed());
      else if (isFull) settle(full());
      else {
        apply(changes);
        settle();
      }
    }
  };
  const flush = ({ runtime: { timers } }: Process): void => {
    if (writing.length > 0 || waiting.length === 0) return;
    writing = waiting;
    waiting = [];
    const takes = chance.between(0.1, 3);
    if (told !== undefined) timers.after(takes / 2, told);
    timers.after(takes, () => {
      land();
      if (owner !== undefined) flush(owner);
    });
  };

  const storeOf = (process: Process, record: (detail: TraceDetail) => void): Store => {
    let closed = false;
    const usable = (): void => {
      if (closed) throw new TightbeamError("closed", "The store is closed.");
    };
    /** A disk takes a moment; and a process that is gone waits for ever. */
    const moment = (): Promise<void> => new Promise((resolve) => void process.runtime.timers.after(0.05, resolve));
    const write = (changes: readonly StoreChange[]): Promise<void> =>
      new Promise((resolve, reject) => {
        const settle = (error?: TightbeamError): void => process.post(() => (error === undefined ? resolve() : reject(error)));
        waiting.push({ changes, settle });
        process.runtime.timers.turn(() => flush(process));
      });
    return {
      capabilities: { durability: "disk", maxValueBytes },
      async get(key) {
        usable();
        await moment();
        return entries.get(key)?.slice();
      },
      async batch(changes) {
        usable();
        checkChanges(changes, maxValueBytes);
        if (broken) throw failed();
        const copied = changes.map((change) => ("put" in change ? { put: change.put, value: change.value.slice() } : change));
        for (const change of copied)
          record({ type: "write", key: "put" in change ? change.put : change.remove, value: "put" in change ? change.value : undefined });
        await write(copied);
      },
      async *scan(prefix, { after, limit = Number.POSITIVE_INFINITY, reverse = false }: ScanOptions = {}): AsyncGenerator<StoreEntry> {
        usable();
        checkKeyPrefix(prefix);
        await moment();
        const keys = [...entries.keys()].filter((key) => key.startsWith(prefix) && (after === undefined || (reverse ? key < after : key > after))).sort();
        let left = limit;
        for (const key of reverse ? keys.reverse() : keys) {
          const value = entries.get(key);
          if (value === undefined) continue;
          if (left-- <= 0) return;
          yield [key, value.slice()];
        }
      },
      async close() {
        if (closed) return;
        closed = true;
        if (!broken) await write([]);
        if (owner === process) owner = undefined;
      },
    };
  };

  return {
    open(process, record) {
      if (owner?.alive === true) throw new TightbeamError("store_locked", "This process has its disk open already.");
      owner = process;
      broken = false;
      return storeOf(process, record);
    },
    crash() {
      applyPart();
      writing = [];
      waiting = [];
      owner = undefined;
      told = undefined;
    },
    setFull(next) {
      isFull = next;
    },
    failFlush(fails) {
      failing = fails;
    },
    get broken() {
      return broken;
    },
    onFlush(run) {
      told = run;
    },
    get lost() {
      return lost;
    },
    rot(by, of) {
      const keys = [...entries].filter(([key, value]) => key.startsWith(headerPrefix) === (of === "header") && value.length > 0).map(([key]) => key);
      if (keys.length === 0) return undefined;
      const key = by.pick(keys.sort());
      const value = (entries.get(key) as Uint8Array).slice();
      const bit = by.below(value.length * 8);
      value[bit >> 3] = (value[bit >> 3] as number) ^ (1 << (bit & 7));
      entries.set(key, value);
      lost ||= of === "header";
      return key;
    },
  };
}

const full = (): TightbeamError => new TightbeamError("store_full", "The simulated disk is full.");
const failed = (): TightbeamError => new TightbeamError("store_failed", "A flush of the simulated disk has failed.");
