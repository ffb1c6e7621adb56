import { concat } from "../bytes.js";
import { msgFlag } from "../frame/cell.js";
import type { MemoryBudget } from "./budget.js";

/** A message put together again, or the first fragment of one that was refused, or the trace of one that its sender gave up. */
export interface Assembled {
  readonly bytes: Uint8Array;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly refused: "too_large" | "overloaded" | undefined;
  readonly aborted: boolean;
  /** Of all that came, also when only its head was kept. */
  readonly size: number;
}

/** The fragments of one lane, in order. */
export interface Assembler {
  /** Whether this fragment, both first and last, is a message as it stands: nothing to put together. Changes nothing. */
  takesWhole(flags: number, data: Uint8Array): boolean;
  /** Takes the next fragment. Returns the message when it is the last, undefined when more is due, `malformed` when it cannot follow what came before. */
  push(flags: number, data: Uint8Array): Assembled | "malformed" | undefined;
  /** Gives back what it holds of the budget. */
  clear(): void;
}

/** A fragment smaller than one part in this many of its record is copied, or it would hold the whole record in memory. */
const wholeRecordParts = 8;
/** What a kept copy costs beside its bytes. */
const copyCost = 128;
const wholeFlags = msgFlag.first | msgFlag.last;

export function createAssembler(options: { readonly maxMessageBytes: number; readonly budget: MemoryBudget }): Assembler {
  const { maxMessageBytes, budget } = options;
  let open = false;
  let head = 0;
  let chunks: Uint8Array[] = [];
  /** The record of the last chunk that was kept as a view, charged whole once. */
  let charged: ArrayBufferLike | undefined;
  let size = 0;
  let held = 0;
  let refused: Assembled["refused"];

  const clear = (): void => {
    budget.give(held);
    open = false;
    chunks = [];
    charged = undefined;
    size = 0;
    held = 0;
    refused = undefined;
  };

  const hold = (data: Uint8Array): boolean => {
    const { buffer } = data;
    const copied = data.length * wholeRecordParts < buffer.byteLength;
    const cost = copied ? data.length + copyCost : buffer === charged ? 0 : buffer.byteLength;
    if (!budget.take(cost)) return false;
    held += cost;
    if (!copied) charged = buffer;
    chunks.push(copied ? data.slice() : data);
    return true;
  };

  /** Keeps a fragment, or turns the message into a refused one of which only the head stays. */
  const keep = (data: Uint8Array): void => {
    size += data.length;
    if (refused !== undefined) return;
    if (size > maxMessageBytes) refused = "too_large";
    else if (!hold(data)) refused = "overloaded";
    if (refused === undefined) return;
    const first = (chunks[0] ?? data).slice();
    budget.give(held);
    held = 0;
    chunks = [first];
    charged = undefined;
  };

  const finish = (aborted: boolean): Assembled => {
    const assembled: Assembled = {
      bytes: refused === undefined && !aborted ? concat(...chunks) : (chunks[0] as Uint8Array),
      intake: (head & msgFlag.intake) !== 0,
      wantsDone: (head & msgFlag.wantsDone) !== 0,
      refused,
      aborted,
      size,
    };
    clear();
    return assembled;
  };

  return {
    takesWhole: (flags, data) => !open && data.length <= maxMessageBytes && (flags & msgFlag.abort) === 0,
    push(flags, data) {
      const first = (flags & msgFlag.first) !== 0;
      const last = (flags & msgFlag.last) !== 0;
      const abort = (flags & msgFlag.abort) !== 0;
      if (first === open || (abort && (first || last || data.length > 0))) return "malformed";
      if (first) {
        head = flags;
        open = true;
      } else {
        if ((flags & (msgFlag.intake | msgFlag.wantsDone)) !== 0) return "malformed";
        if (abort) return finish(true);
      }
      // Only a whole message may be empty: else fragments could go on for ever without counting.
      if (data.length === 0 && (flags & wholeFlags) !== wholeFlags) return "malformed";
      keep(data);
      return last ? finish(false) : undefined;
    },
    clear,
  };
}
