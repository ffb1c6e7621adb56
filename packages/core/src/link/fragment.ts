import { concat } from "../bytes.js";
import { msgFlag } from "../frame/cell.js";
import type { MemoryBudget } from "./budget.js";
import type { Lane } from "./message.js";

/** A message put together again, or the first fragment of one that was refused. */
export interface Assembled {
  readonly bytes: Uint8Array;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly refused: "too_large" | "overloaded" | undefined;
  /** Of the whole message, also when only its head was kept. */
  readonly size: number;
}

/** The fragments of one lane, in order. */
export interface Assembler {
  /** Takes the next fragment. Returns the message when it is the last, undefined when more is due, `malformed` when it cannot follow what came before. */
  push(flags: number, data: Uint8Array): Assembled | "malformed" | undefined;
  /** Gives back what it holds of the budget. */
  clear(): void;
}

export function createAssembler(_lane: Lane, options: { readonly maxMessageBytes: number; readonly budget: MemoryBudget }): Assembler {
  const { maxMessageBytes, budget } = options;
  let open = false;
  let head = 0;
  let chunks: Uint8Array[] = [];
  let size = 0;
  let held = 0;
  let refused: Assembled["refused"];

  const clear = (): void => {
    budget.give(held);
    open = false;
    chunks = [];
    size = 0;
    held = 0;
    refused = undefined;
  };

  /** Keeps a fragment, or turns the message into a refused one of which only the head stays. */
  const keep = (data: Uint8Array): void => {
    size += data.length;
    if (refused !== undefined) return;
    if (size > maxMessageBytes) refused = "too_large";
    else if (!budget.take(data.length)) refused = "overloaded";
    if (refused === undefined) {
      held += data.length;
      chunks.push(data);
      return;
    }
    const first = chunks[0] ?? data;
    budget.give(held);
    held = 0;
    chunks = [first];
  };

  return {
    push(flags, data) {
      const first = (flags & msgFlag.first) !== 0;
      const last = (flags & msgFlag.last) !== 0;
      const abort = (flags & msgFlag.abort) !== 0;
      if (first === open || (last && abort)) return "malformed";
      if (first) {
        if (abort) return undefined;
        if (last && data.length <= maxMessageBytes) {
          return { bytes: data, intake: (flags & msgFlag.intake) !== 0, wantsDone: (flags & msgFlag.wantsDone) !== 0, refused: undefined, size: data.length };
        }
        open = true;
        head = flags;
      } else if (abort) {
        clear();
        return undefined;
      }
      keep(data);
      if (!last) return undefined;
      const assembled: Assembled = {
        bytes: refused === undefined ? concat(...chunks) : (chunks[0] as Uint8Array),
        intake: (head & msgFlag.intake) !== 0,
        wantsDone: (head & msgFlag.wantsDone) !== 0,
        refused,
        size,
      };
      clear();
      return assembled;
    },
    clear,
  };
}
