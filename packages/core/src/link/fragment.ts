import * as msgFlag from "../frame/msg-flag.js";
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

/** A fragment smaller than one part in this many of its record is copied, or it would hold the whole record in memory. */
const wholeRecordParts = 8;
/** What a kept copy costs beside its bytes. */
const copyCost = 128;
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
  #chunks: Uint8Array[] = [];
  /** The record of the last chunk that was kept as a view, charged whole once. */
  #charged: ArrayBufferLike | undefined;
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
    this.#chunks = [];
    this.#charged = undefined;
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
    const first = (this.#chunks[0] ?? data).slice();
    this.#budget.give(this.#held);
    this.#held = 0;
    this.#chunks = [first];
    this.#charged = undefined;
  }

  #hold(data: Uint8Array): boolean {
    const { buffer } = data;
    const copied = data.length * wholeRecordParts < buffer.byteLength;
    const cost = copied ? data.length + copyCost : buffer === this.#charged ? 0 : buffer.byteLength;
    if (!this.#budget.take(cost)) return false;
    this.#held += cost;
    if (!copied) this.#charged = buffer;
    this.#chunks.push(copied ? data.slice() : data);
    return true;
  }

  #finish(aborted: boolean): Assembled {
    const assembled: Assembled = {
      bytes: this.#refused === undefined && !aborted ? joined(this.#chunks, this.#size) : (this.#chunks[0] as Uint8Array),
      flags: this.#head,
      refused: this.#refused,
      aborted,
      size: this.#size,
    };
    this.clear();
    return assembled;
  }
}

/** No spread: a peer may send a message in millions of fragments, and a call takes only some 100,000 arguments. */
function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

export const createAssembler = (options: AssemblerOptions): Assembler => new LaneAssembler(options);
