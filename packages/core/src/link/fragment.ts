import * as msgFlag from "../frame/msg-flag.js";
import { envelopeHeaderMaxBytes } from "../limits.js";
import { release, unfilled } from "../release.js";
import type { MemoryBudget } from "./budget.js";

/** A message put together again, or the first fragment of one that was refused, or the trace of one that its sender gave up. */
export interface Assembled {
  readonly bytes: Uint8Array;
  /** Of the first fragment. */
  readonly flags: number;
  readonly refused: "too_large" | "overloaded" | undefined;
  readonly aborted: boolean;
  /** Of all that came, also when only its head was kept. */
  readonly size: number;
}

/** The fragments of one lane, in order. */
export interface Assembler {
  /** Within a message. */
  readonly open: boolean;
  /** Takes the next fragment. Returns the message when it is the last, undefined when more is due, `malformed` when it cannot follow what came before. */
  push(flags: number, data: Uint8Array): Assembled | "malformed" | undefined;
  /** Gives back what it holds of the budget. */
  clear(): void;
}

/** What a block costs beside its bytes. */
const blockCost = 128;
/** Blocks grow with what has come, up to this: nothing is allocated for what a peer only announces. */
const blockMaxBytes = 1024 * 1024;
const wholeFlags = msgFlag.first | msgFlag.last;

interface AssemblerOptions {
  readonly maxMessageBytes: number;
  readonly budget: MemoryBudget;
}

class LaneAssembler implements Assembler {
  open = false;
  readonly #maxMessageBytes: number;
  readonly #budget: MemoryBudget;
  #head = 0;
  /** What came, copied: the records it came in are freed at once. All but the last are full. */
  #blocks: Uint8Array[] = [];
  /** Bytes of the last block that are filled. */
  #filled = 0;
  #size = 0;
  #held = 0;
  #refused: Assembled["refused"];

  constructor({ maxMessageBytes, budget }: AssemblerOptions) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#budget = budget;
  }

  push(flags: number, data: Uint8Array): Assembled | "malformed" | undefined {
    const first = (flags & msgFlag.first) !== 0;
    const last = (flags & msgFlag.last) !== 0;
    const abort = (flags & msgFlag.abort) !== 0;
    if (first === this.open || (abort && (first || last || data.length > 0))) return "malformed";
    if (first) {
      this.#head = flags;
      this.open = true;
    } else {
      if ((flags & (msgFlag.intake | msgFlag.wantsDone)) !== 0) return "malformed";
      if (abort) return this.#finish(true);
    }
    // Only a whole message may be empty: else fragments could go on for ever without counting.
    if (data.length === 0 && (flags & wholeFlags) !== wholeFlags) return "malformed";
    this.#keep(data);
    return last ? this.#finish(false) : undefined;
  }

  clear(): void {
    this.#budget.give(this.#held);
    this.open = false;
    this.#blocks = [];
    this.#filled = 0;
    this.#size = 0;
    this.#held = 0;
    this.#refused = undefined;
  }

  /** Keeps a fragment, or turns the message into a refused one of which only the head stays. */
  #keep(data: Uint8Array): void {
    this.#size += data.length;
    if (this.#refused !== undefined) return;
    if (this.#size > this.#maxMessageBytes) this.#refused = "too_large";
    else if (!this.#hold(data)) this.#refused = "overloaded";
    if (this.#refused === undefined) return;
    const kept = this.#blocks[0]?.subarray(0, this.#blocks.length > 1 ? undefined : this.#filled);
    const first = (kept ?? data).slice(0, envelopeHeaderMaxBytes);
    this.#budget.give(this.#held);
    this.#held = 0;
    this.#blocks = [first];
  }

  #hold(data: Uint8Array): boolean {
    const last = this.#blocks.at(-1);
    const room = last === undefined ? 0 : last.length - this.#filled;
    const fits = Math.min(room, data.length);
    let next: Uint8Array | undefined;
    if (fits < data.length) {
      const bytes = Math.max(2 * data.length, Math.min(this.#size, blockMaxBytes));
      if (!this.#budget.take(bytes + blockCost)) return false;
      this.#held += bytes + blockCost;
      next = unfilled(bytes);
    }
    last?.set(fits === data.length ? data : data.subarray(0, fits), this.#filled);
    this.#filled += fits;
    if (next === undefined) return true;
    next.set(data.subarray(fits));
    this.#filled = data.length - fits;
    this.#blocks.push(next);
    return true;
  }

  #finish(aborted: boolean): Assembled {
    const assembled: Assembled = {
      bytes: this.#refused === undefined && !aborted ? joined(this.#blocks, this.#size) : (this.#blocks[0] as Uint8Array),
      flags: this.#head,
      refused: this.#refused,
      aborted,
      size: this.#size,
    };
    this.clear();
    return assembled;
  }
}

/** The blocks as one array; they are freed. */
function joined(blocks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = unfilled(size);
  let at = 0;
  for (const block of blocks) {
    whole.set(at + block.length <= size ? block : block.subarray(0, size - at), at);
    at += block.length;
    release(block);
  }
  return whole;
}

export const createAssembler = (options: AssemblerOptions): Assembler => new LaneAssembler(options);
