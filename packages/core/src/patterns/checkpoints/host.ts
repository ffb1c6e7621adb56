import type { JsonLimits } from "../../codec/limits.js";
import type { TightbeamError } from "../../errors.js";
import type { MemoryBudget } from "../../link/budget.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { State } from "../../store/state.js";
import type { Book, HeldMessage } from "../durable/book.js";
import type { Marked, Writer } from "../durable/writer.js";

export interface CheckpointsHost {
  readonly runtime: Runtime;
  readonly state: State;
  readonly writer: Writer;
  readonly json: JsonLimits;
  /** States that are not flushed yet are taken from it. */
  readonly budget: Pick<MemoryBudget, "take" | "give">;
  /** Senders whose messages have been handled here: with those messages that are handled and not marked. */
  readonly settled: () => readonly MarkedBook[];
  readonly onDamaged: (key: string, error: TightbeamError) => void;
  /** A snapshot failed. */
  readonly onFailed: (name: string, error: TightbeamError) => void;
}

export interface MarkedBook extends Marked {
  readonly entry: Book;
  readonly items: readonly HeldMessage[];
}
