import type { EncodedPayload } from "../../codec/types.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Marked, Writing } from "../durable/writer.js";
import { encodeCheckpoint, encodeKept, type Kept, namePrefix, removalsOf } from "./entry.js";
import type { CheckpointsHost, MarkedBook } from "./host.js";
import { readKept } from "./reading.js";
import { type Witness, witnessOf } from "./witness.js";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: TightbeamError) => void;
}

/** What is written together: the state that was given last, with the marks of all that it was given with. */
interface Group {
  state: EncodedPayload;
  keep: number;
  readonly marks: MarkedBook[];
  readonly waiters: Waiter[];
}

/**
 * The checkpoints of one name. A state that is given while another waits takes its place, as it was made out of it: both are marked with the
 * later one. So they take effect in the order of their calls, none is written that is older than one that was, and what waits is one state.
 */
export class Line {
  readonly name: string;
  readonly digest: string;
  /** Newest first. */
  kept: readonly Kept[] = [];
  /** Why `kept` is not all that was there; until the next checkpoint. */
  damaged: { readonly key: string; readonly error: TightbeamError } | undefined;
  readonly #host: CheckpointsHost;
  readonly #writing: Writing;
  #loading: Promise<void> | undefined;
  #loaded = false;
  #last = 0;
  #waiting: Group | undefined;
  #flushing: { readonly group: Group; readonly line: Kept } | undefined;
  /** The writer has it, and has not asked for what is to be written. */
  #queued = false;
  #cancel: (() => void) | undefined;
  #stopped: TightbeamError | undefined;

  constructor(host: CheckpointsHost, name: string) {
    this.#host = host;
    this.name = name;
    this.digest = host.state.digest(name);
    const marks = (): readonly Marked[] => this.#flushing?.group.marks ?? [];
    this.#writing = {
      changes: () => this.#changes(),
      get marks() {
        return marks();
      },
      settled: (error) => this.#settled(error),
    };
  }

  /** Reads what is kept, once. Rejects what the store rejects. */
  load(): Promise<void> {
    this.#loading ??= readKept(this.#host.state, this.name, this.digest).then(
      ({ kept, last, damaged }) => {
        this.kept = kept;
        this.#last = last;
        this.damaged = damaged;
        this.#loaded = true;
      },
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }

  /** Resolves when it is flushed, or a later one with its marks. */
  add(state: EncodedPayload, keep: number, marks: readonly MarkedBook[]): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (!this.#host.budget.take(state.bytes.length))
      return Promise.reject(new TightbeamError("overloaded", "This agent has no memory left for a state that is to be written."));
    return new Promise((resolve, reject) => {
      this.#join(state, keep);
      for (const mark of marks) this.#waiting?.marks.push(mark);
      this.#waiting?.waiters.push({ resolve, reject });
      this.#queue();
    });
  }

  /** What is added later is refused. What waits for room is no longer tried. */
  stop(error: TightbeamError): void {
    this.#stopped = error;
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#refuse(error);
  }

  /** In place of the state that waits. */
  #join(state: EncodedPayload, keep: number): void {
    const group = this.#waiting;
    if (group === undefined) {
      this.#waiting = { state, keep, marks: [], waiters: [] };
      return;
    }
    this.#host.budget.give(group.state.bytes.length);
    group.state = state;
    group.keep = keep;
  }

  #queue(): void {
    if (this.#queued || this.#waiting === undefined || this.#cancel !== undefined) return;
    this.#queued = true;
    if (this.#loaded) return this.#host.writer.add(this.#writing);
    this.load().then(
      () => {
        if (this.damaged !== undefined) this.#host.onDamaged(this.damaged.key, this.damaged.error);
        this.#host.writer.add(this.#writing);
      },
      (error: unknown) => {
        this.#queued = false;
        this.#refuse(asError(error));
      },
    );
  }

  #changes() {
    this.#queued = false;
    const group = this.#waiting as Group;
    this.#waiting = undefined;
    const { state, runtime } = this.#host;
    const { bytes } = group.state;
    const number = this.#last + 1;
    const at = Math.floor(runtime.clock.wall());
    const of = { name: this.name, number, at, witnesses: witnessesOf(group.marks) };
    const { changes, parts } = encodeCheckpoint(this.digest, group.state, of, state.capabilities.maxValueBytes);
    const line = { number, at, bytes: bytes.length, parts };
    this.#flushing = { group, line };
    const all = [line, ...this.kept];
    const index = { put: namePrefix(this.digest), value: encodeKept(this.name, all.slice(0, group.keep)) };
    const removals = group.marks.flatMap(({ items }) => items.flatMap((item) => item.removals()));
    return [...changes, index, ...removals, ...all.slice(group.keep).flatMap((old) => removalsOf(this.digest, old))];
  }

  #settled(error: TightbeamError | undefined): void {
    const flushed = this.#flushing;
    this.#flushing = undefined;
    // The writer had failed before.
    if (flushed === undefined) {
      this.#queued = false;
      return this.#refuse(error as TightbeamError);
    }
    const { group, line } = flushed;
    if (error === undefined) {
      this.#last = line.number;
      this.kept = [line, ...this.kept].slice(0, group.keep);
      this.damaged = undefined;
      this.#host.budget.give(group.state.bytes.length);
      for (const { resolve } of group.waiters) resolve();
    } else if (error.code === "store_full" && this.#stopped === undefined) {
      const later = this.#waiting;
      this.#waiting = group;
      if (later !== undefined) {
        this.#join(later.state, later.keep);
        for (const mark of later.marks) group.marks.push(mark);
        for (const waiter of later.waiters) group.waiters.push(waiter);
      }
      this.#tryLater();
    } else {
      this.#host.budget.give(group.state.bytes.length);
      for (const { reject } of group.waiters) reject(error);
    }
  }

  /** Unless a later one is queued, which takes it along. */
  #tryLater(): void {
    if (this.#queued) return;
    this.#cancel = this.#host.runtime.timers.after(keptLimits.durableAgainMs, () => {
      this.#cancel = undefined;
      this.#queue();
    });
  }

  #refuse(error: TightbeamError): void {
    const group = this.#waiting;
    this.#waiting = undefined;
    if (group === undefined) return;
    this.#host.budget.give(group.state.bytes.length);
    for (const { reject } of group.waiters) reject(error);
  }
}

/** One for each sender, of the last that are marked. */
function witnessesOf(marks: readonly MarkedBook[]): readonly Witness[] {
  const items = new Map(marks.map(({ entry, items: some }) => [entry, some]));
  return [...items].flatMap(([book, some]) => witnessOf(book, some) ?? []).slice(-keptLimits.checkpointWitnesses);
}

export const asError = (error: unknown): TightbeamError =>
  isTightbeamError(error) ? error : new TightbeamError("store_failed", "The store failed while checkpoints were read.", { cause: error });
