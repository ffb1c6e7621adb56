import { type ErrorCode, isTightbeamError, TightbeamError } from "../../errors.js";
import type { Timers } from "../../runtime/runtime.js";
import type { StoreChange } from "../../store/types.js";

/** What has to be in the store as a whole before something can be said. */
export interface Writing {
  /** Asked once, when its batch is made. */
  changes(): readonly StoreChange[];
  /** An entry that other writings of the same batch change as well: it is written once for all of them. */
  readonly shared?: SharedEntry | undefined;
  /** What this writing changes of it, as it is when its batch is made. */
  readonly items?: readonly Item[];
  /** The same, of several entries. */
  readonly marks?: readonly Marked[];
  /** Flushed, or why not: then nothing of it is there. Called in the order in which they were added; must not throw. */
  settled(error: TightbeamError | undefined): void;
}

export interface Item {
  readonly lane: number;
  readonly number: number;
}

export interface Marked {
  readonly entry: SharedEntry;
  readonly items: readonly Item[];
}

export interface SharedEntry {
  /** The entry as it is with these, and what makes them count once they are flushed. */
  with(items: readonly Item[]): { readonly change: StoreChange; readonly keep: () => void };
}

/**
 * Group commit: what is added while a batch is being flushed goes with the next one, all of it in one batch. Where the store has no room the
 * group is halved until what fits is found; any other failure is final, and nothing is taken from then on.
 */
export interface Writer {
  /** Settles at once, with the failure, when there was one. */
  add(writing: Writing): void;
  /** Settles when all that was added has settled. */
  idle(): Promise<void>;
  /** Why nothing more is written. */
  readonly failed: TightbeamError | undefined;
  /** The store has failed elsewhere. */
  fail(error: TightbeamError): void;
}

export interface WriterOptions {
  readonly timers: Pick<Timers, "turn">;
  readonly batch: (changes: readonly StoreChange[]) => Promise<void>;
  /** Once, and for good. */
  readonly onFailed: (error: TightbeamError) => void;
}

interface Made {
  readonly writing: Writing;
  readonly changes: readonly StoreChange[];
}

interface Begun {
  readonly group: readonly Made[];
  readonly keep: readonly (() => void)[];
  readonly outcome: Promise<{ readonly cause: unknown } | undefined>;
}

/** Nothing of the batch is there, and others may be taken: no room in the store, or in what waits for its server. */
const nothingDone: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["store_full", "too_large", "unavailable"]);
const groupMax = 1_024;
const groupBytes = 4 * 1024 * 1024;

export function createWriter({ timers, batch, onFailed }: WriterOptions): Writer {
  let waiting: Writing[] = [];
  /** Batches that have begun and not settled; they settle in the order in which they began. */
  let underWay = 0;
  let last = Promise.resolve();
  let asked = false;
  let failed: TightbeamError | undefined;
  let idleWaiters: (() => void)[] = [];

  const fail = (cause: unknown): TightbeamError => {
    if (failed !== undefined) return failed;
    const error = isTightbeamError(cause) ? cause : new TightbeamError("store_failed", "The store failed: what is not in it is not acknowledged.", { cause });
    failed = error;
    onFailed(error);
    return error;
  };

  /** Its batch begins now. */
  const begin = (group: readonly Made[]): Begun => {
    const { changes, keep } = together(group);
    const flushed = failed !== undefined ? Promise.reject(failed) : changes.length === 0 ? Promise.resolve() : batch(changes);
    return {
      group,
      keep,
      outcome: flushed.then(
        () => undefined,
        (cause: unknown) => ({ cause }),
      ),
    };
  };

  const end = async ({ group, keep, outcome }: Begun): Promise<void> => {
    const failure = await outcome;
    if (failure === undefined) {
      for (const kept of keep) kept();
      return settle(group, undefined);
    }
    const { cause } = failure;
    if (!(isTightbeamError(cause) && nothingDone.has(cause.code))) return settle(group, fail(cause));
    if (group.length === 1) return settle(group, cause);
    const half = group.length >> 1;
    await end(begin(group.slice(0, half)));
    await end(begin(group.slice(half)));
  };

  /** As many as one batch should hold, and at least one. */
  const take = (): Made[] => {
    const group: Made[] = [];
    let bytes = 0;
    for (const writing of waiting) {
      if (group.length === groupMax || bytes > groupBytes) break;
      const changes = writing.changes();
      for (const change of changes) if ("put" in change) bytes += change.value.length;
      group.push({ writing, changes });
    }
    waiting = waiting.slice(group.length);
    return group;
  };

  const run = (): void => {
    asked = false;
    while (waiting.length > 0 && underWay === 0) {
      const begun = begin(take());
      underWay++;
      last = last.then(async () => {
        await end(begun);
        underWay--;
        if (!asked) run();
        settleIdle();
      });
    }
  };

  const settleIdle = (): void => {
    if (underWay + waiting.length > 0 || idleWaiters.length === 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  return {
    add(writing) {
      if (failed !== undefined) return writing.settled(failed);
      waiting.push(writing);
      if (asked || underWay > 0) return;
      asked = true;
      timers.turn(run);
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleIdle();
      }),
    get failed() {
      return failed;
    },
    fail,
  };
}

function settle(group: readonly Made[], error: TightbeamError | undefined): void {
  for (const { writing } of group) writing.settled(error);
}

function together(group: readonly Made[]): { readonly changes: StoreChange[]; readonly keep: readonly (() => void)[] } {
  const changes: StoreChange[] = [];
  const keep: (() => void)[] = [];
  let shared: Map<SharedEntry, Item[]> | undefined;
  const mark = (entry: SharedEntry, more: readonly Item[]): void => {
    shared ??= new Map();
    const items = shared.get(entry) ?? [];
    for (const item of more) items.push(item);
    shared.set(entry, items);
  };
  for (const { writing, changes: own } of group) {
    for (const change of own) changes.push(change);
    if (writing.shared !== undefined && writing.items !== undefined) mark(writing.shared, writing.items);
    for (const { entry, items } of writing.marks ?? []) if (items.length > 0) mark(entry, items);
  }
  for (const [entry, items] of shared ?? []) {
    const made = entry.with(items);
    changes.push(made.change);
    keep.push(made.keep);
  }
  return { changes, keep };
}
