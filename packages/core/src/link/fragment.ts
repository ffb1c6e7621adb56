import { empty } from "../bytes.js";
import * as msgFlag from "../frame/msg-flag.js";
import { readU32 } from "../integers.js";
import { envelopeHeaderMaxBytes } from "../limits.js";
import { release, unfilled } from "../release.js";
import type { MemoryBudget } from "./budget.js";
import { totalBytes } from "./cells.js";

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
  /** Takes the next fragment; the first of several begins with the length of the whole. Returns the message when it is the last, undefined when more is due, `malformed` when it cannot follow what came before. */
  push(flags: number, data: Uint8Array): Assembled | "malformed" | undefined;
  /** Gives back what it holds of the budget. */
  clear(): void;
}

/** What an array costs beside its bytes. */
const arrayCost = 128;
/** At most so many times what came is allocated for what a peer announces, and an eighth of it is copied again when it has all come. */
const ahead = 8;
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
  /** What came, copied to its place: the records it came in are freed at once. Beyond `#size` it may hold anything, so it is handed on only when it is full. Of a refused message, its head. */
  #bytes = empty;
  /** What the first fragment said. */
  #total = 0;
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
    if (first) return this.#begin(flags, data);
    if ((flags & (msgFlag.intake | msgFlag.wantsDone)) !== 0) return "malformed";
    return abort ? this.#finish(true) : this.#continue(last, data);
  }

  clear(): void {
    this.#budget.give(this.#held);
    this.open = false;
    this.#bytes = empty;
    this.#total = 0;
    this.#size = 0;
    this.#held = 0;
    this.#refused = undefined;
  }

  #begin(flags: number, data: Uint8Array): Assembled | "malformed" | undefined {
    this.#head = flags;
    this.open = true;
    if ((flags & wholeFlags) === wholeFlags) {
      this.#total = data.length;
      return this.#continue(true, data);
    }
    if (data.length < totalBytes) return "malformed";
    this.#total = readU32(data, 0);
    return this.#continue(false, data.subarray(totalBytes));
  }

  #continue(last: boolean, data: Uint8Array): Assembled | "malformed" | undefined {
    const left = this.#total - this.#size - data.length;
    // Only a whole message may be empty: else fragments could go on for ever without counting.
    if (last ? left !== 0 : left <= 0 || data.length === 0) return "malformed";
    this.#keep(data);
    return last ? this.#finish(false) : undefined;
  }

  /** Keeps a fragment, or turns the message into a refused one of which only the head stays. */
  #keep(data: Uint8Array): void {
    const start = this.#size;
    this.#size += data.length;
    if (this.#refused !== undefined) return;
    if (this.#total > this.#maxMessageBytes) this.#refused = "too_large";
    else if (!this.#hold(data, start)) this.#refused = "overloaded";
    if (this.#refused === undefined) return;
    const head = (start === 0 ? data : this.#bytes.subarray(0, start)).slice(0, envelopeHeaderMaxBytes);
    this.#budget.give(this.#held);
    this.#held = 0;
    this.#bytes = head;
  }

  #hold(data: Uint8Array, start: number): boolean {
    if (this.#size > this.#bytes.length) {
      const length = Math.min(this.#total, ahead * this.#size);
      if (!this.#budget.take(length + arrayCost)) return false;
      const larger = unfilled(length);
      larger.set(this.#bytes.subarray(0, start));
      release(this.#bytes);
      this.#budget.give(this.#held);
      this.#held = length + arrayCost;
      this.#bytes = larger;
    }
    this.#bytes.set(data, start);
    return true;
  }

  #finish(aborted: boolean): Assembled {
    const assembled: Assembled = { bytes: aborted ? empty : this.#bytes, flags: this.#head, refused: this.#refused, aborted, size: this.#size };
    this.clear();
    return assembled;
  }
}

export const createAssembler = (options: AssemblerOptions): Assembler => new LaneAssembler(options);
