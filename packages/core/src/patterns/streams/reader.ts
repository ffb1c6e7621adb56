import type { StandardSchemaV1 } from "@standard-schema/spec";
import { decodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { validate, type Where } from "../../contract/index.js";
import { TightbeamError } from "../../errors.js";
import type { MemoryBudget } from "../../link/budget.js";
import { createFifo } from "../../link/fifo.js";
import { chunkCost } from "./limits.js";

export interface ReaderOptions {
  readonly json: JsonLimits;
  readonly schema: StandardSchemaV1 | undefined;
  readonly where: Where;
  /** Bytes that may wait here for the application, and one chunk. */
  readonly window: number;
  readonly owner: ReaderOwner;
}

export interface ReaderOwner {
  /** The other side may say this many bytes in all. */
  grant(total: number): void;
  /** The application reads no more. */
  readNoMore(): void;
  /** A chunk is not what was agreed on. */
  broken(error: TightbeamError): void;
}

interface Waiting {
  readonly resolve: (result: IteratorResult<unknown, undefined> | PromiseLike<IteratorResult<unknown, undefined>>) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits costs this much beside its credit: one byte in a buffer of its own is no byte. */
const waitingCost = 192;

const over: IteratorResult<unknown, undefined> = Object.freeze({ done: true, value: undefined });
const nothing: EncodedPayload = { kind: "json", bytes: new Uint8Array(0) };

/** What one side says, on its way to the application of the other: bounded by what was granted, decoded when it is asked for. */
export class StreamReader implements AsyncIterableIterator<unknown, undefined> {
  readonly #options: ReaderOptions;
  readonly #chunks = createFifo<EncodedPayload>();
  readonly #waiting = createFifo<Waiting>();
  /** While the stream goes on: what waits is counted there. */
  #budget: MemoryBudget | undefined;
  #held = 0;
  #granted = 0;
  #received = 0;
  #consumed = 0;
  #over = false;
  #error: TightbeamError | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Chunks may come from now on. Returns the first credit. */
  open(budget: MemoryBudget): number {
    this.#budget = budget;
    this.#granted = this.#options.window;
    return this.#granted;
  }

  /** A chunk came. Returns what is wrong with its coming: beyond the credit, or no memory is left. */
  take(payload: EncodedPayload | undefined): TightbeamError | undefined {
    if (this.#over) return undefined;
    if (this.#received >= this.#granted) return new TightbeamError("flow", "The other side of the stream said more than it was granted.");
    const cost = costOf(payload);
    this.#received += cost;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#consume(cost);
      try {
        waiting.resolve(this.#result(payload, false));
      } catch (error) {
        waiting.reject(error);
      }
      return undefined;
    }
    if (this.#budget?.take(cost + waitingCost) === false) return new TightbeamError("overloaded", "This agent has no memory left for what the stream says.");
    this.#held += cost + waitingCost;
    this.#chunks.push(payload === undefined ? nothing : kept(payload));
    return undefined;
  }

  /** Nothing more comes. What waits can still be read; then the error is thrown, once. */
  end(error?: TightbeamError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#release();
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      if (this.#error === undefined) waiting.resolve(over);
      else waiting.reject(this.#error);
      this.#error = undefined;
    }
  }

  /** The same, and what waits is dropped: who had not heard it yet is told the error, also when the other side had said everything. */
  drop(error?: TightbeamError): void {
    const cut = this.#chunks.length > 0;
    while (this.#chunks.shift() !== undefined);
    if (this.#over && cut) this.#error = error;
    this.end(error);
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const payload = this.#chunks.shift();
    if (payload !== undefined) {
      const cost = costOf(payload);
      if (this.#budget !== undefined) {
        this.#budget.give(cost + waitingCost);
        this.#held -= cost + waitingCost;
      }
      this.#consume(cost);
      try {
        return Promise.resolve(this.#result(payload, true));
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (!this.#over) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve(over) : Promise.reject(error);
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    const going = !this.#over;
    this.#error = undefined;
    this.drop();
    if (going) this.#options.owner.readNoMore();
    return Promise.resolve(over);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Tells the other side of what was read, a quarter of the window at a time. */
  #consume(cost: number): void {
    this.#consumed += cost;
    if (this.#over) return;
    const { window, owner } = this.#options;
    const total = this.#consumed + window;
    if (total - this.#granted < window / 4) return;
    this.#granted = total;
    owner.grant(total);
  }

  #result(payload: EncodedPayload | undefined, owned: boolean): IteratorResult<unknown, undefined> | Promise<IteratorResult<unknown, undefined>> {
    const { schema, where, json } = this.#options;
    let value: unknown;
    try {
      if (payload === nothing) value = undefined;
      else value = owned && payload?.kind === "bytes" ? payload.bytes : decodePayload(payload, json);
      if (schema === undefined) return { done: false, value };
      value = validate(schema, value, where);
    } catch (error) {
      throw this.#broken(error);
    }
    if (!(value instanceof Promise)) return { done: false, value };
    return value.then(
      (valid: unknown) => ({ done: false, value: valid }),
      (error: unknown) => {
        throw this.#broken(error);
      },
    );
  }

  #broken(error: unknown): TightbeamError {
    const known = error as TightbeamError;
    this.drop();
    this.#options.owner.broken(known);
    return known;
  }

  #release(): void {
    this.#budget?.give(this.#held);
    this.#held = 0;
    this.#budget = undefined;
  }
}

const costOf = (payload: EncodedPayload | undefined): number => (payload?.bytes.length ?? 0) + chunkCost;

/** The record it lies in is freed when this turn is over. Decoding bytes copies them where that matters; decoding waits until the chunk is asked for. */
const kept = ({ kind, bytes }: EncodedPayload): EncodedPayload => ({ kind, bytes: decodePayload({ kind: "bytes", bytes }) as Uint8Array });
