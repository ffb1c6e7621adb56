import type { JsonLimits } from "../../codec/limits.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import { snapshot } from "../snapshot.js";
import { chunkCost } from "./limits.js";
import type { StreamCall } from "./types.js";

type Read = IteratorResult<unknown, undefined>;

interface Waiting {
  run(stream: StreamCall, reader: AsyncIterator<unknown, undefined>): void;
  failed(error: TightbeamError): void;
}

const over: Read = Object.freeze({ done: true, value: undefined });
const nothing = (): void => undefined;
const cancelledHere = (cause?: unknown): TightbeamError =>
  new TightbeamError("cancelled", "The stream was cancelled here.", cause === undefined ? {} : { cause });

/** A stream as its caller holds it while what makes streams is loaded, and afterwards: what is asked of it waits in order. */
export class LoadingStream implements StreamCall {
  readonly result: Promise<unknown>;
  readonly #json: JsonLimits;
  /** From when it is opened. */
  #opened: StreamCall | undefined;
  /** From when nothing waits for it any more: calls go to it directly. */
  #stream: StreamCall | undefined;
  #reader: AsyncIterator<unknown, undefined> | undefined;
  #waiting: Waiting[] = [];
  #waitingCost = 0;
  /** What it ended with before it was there. */
  #error: TightbeamError | undefined;
  /** The same, until whoever reads has heard of it. */
  #unread: TightbeamError | undefined;
  #resolve: (output: unknown) => void = nothing;
  #reject: (error: TightbeamError) => void = nothing;

  constructor(json: JsonLimits) {
    this.#json = json;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(nothing);
  }

  /** Nothing can come of it any more, and it need not be opened. */
  get over(): boolean {
    return this.#error !== undefined;
  }

  /** It is opened. */
  become(stream: StreamCall): void {
    const reader = stream[Symbol.asyncIterator]() as AsyncIterator<unknown, undefined>;
    this.#opened = stream;
    stream.result.then(this.#resolve, this.#reject);
    const all = this.#waiting;
    for (const each of all) each.run(stream, reader);
    this.#waiting = [];
    this.#stream = stream;
    this.#reader = reader;
  }

  /** It cannot be opened. `heard`: whoever reads knows that it is over. */
  fail(error: TightbeamError, heard = false): void {
    if (this.#opened !== undefined || this.#error !== undefined) return;
    this.#error = error;
    this.#unread = heard ? undefined : error;
    this.#reject(error);
    const all = this.#waiting;
    this.#waiting = [];
    for (const each of all) each.failed(error);
  }

  write(chunk: unknown): Promise<void> {
    if (this.#stream !== undefined) return this.#stream.write(chunk);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#waitingCost >= limits.streamWritesBytes)
      return Promise.reject(new TightbeamError("flow", "So much waits to be written that this was not taken: await what write() returns."));
    const { value, bytes } = snapshot(chunk, this.#json);
    this.#waitingCost += bytes + chunkCost;
    return new Promise((resolve, reject) => this.#waiting.push({ run: (stream) => resolve(stream.write(value)), failed: reject }));
  }

  end(): Promise<void> {
    if (this.#stream !== undefined) return this.#stream.end();
    if (this.#error !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ run: (stream) => resolve(stream.end()), failed: () => resolve() }));
  }

  cancel(reason?: unknown): void {
    if (this.#opened !== undefined) this.#opened.cancel(reason);
    else this.fail(cancelledHere(reason));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown, undefined> {
    const iterator: AsyncIterableIterator<unknown, undefined> = {
      next: () => this.#next(),
      return: () => this.#leave(),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #next(): Promise<Read> {
    if (this.#reader !== undefined) return this.#reader.next();
    if (this.#error !== undefined) return this.#ended();
    return new Promise((resolve) => {
      this.#waiting.push({ run: (_, reader) => resolve(reader.next()), failed: () => resolve(this.#ended()) });
    });
  }

  /** Only the first who asks hears why. */
  #ended(): Promise<Read> {
    const error = this.#unread;
    this.#unread = undefined;
    return error === undefined ? Promise.resolve(over) : Promise.reject(error);
  }

  #leave(): Promise<Read> {
    if (this.#reader !== undefined) return this.#reader.return?.() ?? Promise.resolve(over);
    this.#unread = undefined;
    if (this.#opened !== undefined) this.#opened.cancel();
    else this.fail(cancelledHere(), true);
    return Promise.resolve(over);
  }
}
