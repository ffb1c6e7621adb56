import { jsonLimits } from "../../../src/codec/limits.js";
import type { TightbeamError } from "../../../src/errors.js";
import { createMemoryBudget } from "../../../src/link/budget.js";
import { type Checkpoints, createCheckpoints } from "../../../src/patterns/checkpoints/checkpoints.js";
import { Book, type HeldMessage } from "../../../src/patterns/durable/book.js";
import { bookKey } from "../../../src/patterns/durable/book-entry.js";
import { createWriter, type Writer } from "../../../src/patterns/durable/writer.js";
import { createVirtualRuntime, type VirtualRuntime } from "../../../src/runtime/virtual.js";
import { openState, type State } from "../../../src/store/state.js";
import { createDisk, type Disk } from "../../store/disk.js";

export const storeKey = new Uint8Array(32).fill(7);

/** What keeps states, without an agent around it. */
export interface Stage {
  readonly runtime: VirtualRuntime;
  readonly disk: Disk;
  readonly state: State;
  readonly writer: Writer;
  readonly checkpoints: Checkpoints;
  /** Of one sender. */
  readonly book: Book;
  /** Handled and not marked. */
  readonly settled: HeldMessage[];
  readonly damaged: { readonly key: string; readonly error: TightbeamError }[];
  readonly failed: { readonly name: string; readonly error: TightbeamError }[];
  readonly used: () => number;
  /** Runs time until it settles. */
  during<T>(promise: Promise<T>): Promise<T>;
}

export interface StageOptions {
  readonly disk?: Disk;
  readonly memory?: number;
  readonly runtime?: VirtualRuntime;
}

export async function createStage({
  disk = createDisk(),
  memory = 256 * 1024 * 1024,
  runtime = createVirtualRuntime({ seed: 1 }),
}: StageOptions = {}): Promise<Stage> {
  const state = await openState({ store: disk.open(), storeKey, runtime });
  const damaged: Stage["damaged"] = [];
  const failed: Stage["failed"] = [];
  const settled: HeldMessage[] = [];
  const writer = createWriter({ timers: runtime.timers, batch: (changes) => state.batch(changes), onFailed: () => undefined });
  const about = { peer: "bob", store: "B".repeat(22), kept: true, epoch: 0, start: { incarnation: 1, nonce: "N".repeat(22) }, forgets: [], at: 0 };
  const book = new Book(bookKey(state.digest("bob"), about.store), about, undefined, {
    writer,
    timers: runtime.timers,
    random: runtime.random,
    now: () => runtime.clock.wall(),
  });
  const budget = createMemoryBudget(memory);
  const checkpoints = createCheckpoints({
    runtime,
    state,
    writer,
    json: jsonLimits,
    budget,
    settled: () => (settled.length > 0 ? [{ entry: book, items: settled.splice(0) }] : []),
    onDamaged: (key, error) => damaged.push({ key, error }),
    onFailed: (name, error) => failed.push({ name, error }),
  });
  return {
    runtime,
    disk,
    state,
    writer,
    checkpoints,
    book,
    settled,
    damaged,
    failed,
    used: () => budget.used,
    async during(promise) {
      let over = false;
      const end = (): void => {
        over = true;
      };
      promise.then(end, end);
      for (let i = 0; !over && i < 10_000; i++) {
        await runtime.advance(5);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return promise;
    },
  };
}

export const message = (number: number): HeldMessage => ({ lane: 2, number, handled: true, removals: () => [] }) as unknown as HeldMessage;

/** Keys below this, in order. */
export const keysOf = ({ disk }: Stage, prefix: string): string[] => [...disk.entries.keys()].filter((key) => key.startsWith(prefix)).sort();

export const flip = ({ disk }: Stage, key: string): void => {
  const value = disk.entries.get(key)?.slice();
  if (value === undefined) throw new Error(`there is no ${key}`);
  value[value.length - 1] = (value.at(-1) as number) ^ 1;
  disk.entries.set(key, value);
};

/** The same disk, after a crash. */
export const restart = ({ disk, runtime }: Stage): Promise<Stage> => {
  disk.crash();
  return createStage({ disk, runtime });
};
