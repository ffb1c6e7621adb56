import type { StandardSchemaV1 } from "@standard-schema/spec";
import { encodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { validate, type Where } from "../../contract/index.js";
import { encodePayloadPart } from "../../envelope/part.js";
import { partHeadBytes, partKind, type StreamAddress } from "../../envelope/part-head.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import { createFifo } from "../../link/fifo.js";
import type { Link } from "../../link/link-types.js";
import type { Lane, MessageWatch } from "../../link/message.js";
import { chunkCost } from "./limits.js";

export interface WriterOptions {
  readonly json: JsonLimits;
  readonly schema: StandardSchemaV1 | undefined;
  readonly where: Where;
  /** What was written is not what was agreed on, or cannot go: the stream is over. */
  readonly onBroken: (error: TightbeamError) => void;
}

interface Waiting {
  readonly payload: EncodedPayload | undefined;
  readonly resolve: () => void;
  readonly reject: (error: TightbeamError) => void;
}

/** For all chunks that go at once. */
export const written: Promise<void> = Promise.resolve();

/** The link tells of every so many bytes that they are in its window. */
const batchBytes = 32 * 1024;

/** What one side says, on its way from the application to the link: no more than was granted, and than the link takes. */
export class StreamWriter implements MessageWatch {
  readonly #options: WriterOptions;
  readonly #waiting = createFifo<Waiting>();
  #waitingCost = 0;
  #link: Link | undefined;
  #lane: Lane = 2;
  #to: StreamAddress | undefined;
  #granted = 0;
  #sent = 0;
  /** Bytes that the link has and its window does not: those it will tell of, in their order, and those since. */
  readonly #batches = createFifo<number>();
  #unsealed = 0;
  #batch = 0;
  /** Checks that take their time: what is written meanwhile comes after. */
  #checking: Promise<unknown> | undefined;
  #ending: { readonly then: () => void; readonly resolve: () => void } | undefined;
  #ended = written;
  /** Why nothing is written any more. */
  #over: TightbeamError | undefined;
  /** Not even what was written before. */
  #stopped = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Parts may be sent from now on. */
  open(link: Link, lane: Lane, to: StreamAddress, granted: number): void {
    this.#link = link;
    this.#lane = lane;
    this.#to = to;
    this.grant(granted);
  }

  /** Resolves when it is on its way: nothing of it is looked at again. */
  write(value: unknown): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const { schema, where } = this.#options;
    try {
      const checked = schema === undefined ? undefined : validate(schema, value, where);
      if (this.#checking === undefined && !(checked instanceof Promise)) return this.#push(value);
      return this.#pushAfter(checked, value);
    } catch (error) {
      return this.#broken(error);
    }
  }

  /** Absolute: a lower total than before is old. */
  grant(total: number): void {
    if (total > this.#granted) this.#granted = total;
    this.#flush();
  }

  /** Runs `then` behind everything that was written, unless it is stopped first. Nothing is written afterwards. Resolves in either case. */
  end(then: () => void): Promise<void> {
    if (this.#over !== undefined) return this.#ended;
    this.#over = new TightbeamError("closed", "This side of the stream has ended.");
    this.#ended = new Promise((resolve) => {
      const wait = (): void => {
        this.#ending = { then, resolve };
        if (this.#stopped) resolve();
        else this.#flush();
      };
      if (this.#checking === undefined) wait();
      else void this.#checking.then(wait);
    });
    return this.#ended;
  }

  /** A batch is in the window. */
  sealed(): void {
    this.#unsealed -= this.#batches.shift() ?? 0;
    // The record is being filled: what is given to the link now would not go into it.
    if (this.#waiting.length > 0) void Promise.resolve().then(this.#flush);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Nothing that waits goes any more, and nothing is written afterwards. */
  stop(error: TightbeamError): void {
    this.#over = error;
    this.#stopped = true;
    this.#ending?.resolve();
    this.#ending = undefined;
    this.#waitingCost = 0;
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) waiting.reject(error);
  }

  #pushAfter(checked: unknown, value: unknown): Promise<void> {
    const pushed = Promise.all([checked, this.#checking]).then(
      () => {
        if (this.#checking === settled) this.#checking = undefined;
        return this.#push(value);
      },
      (error: unknown) => this.#broken(error),
    );
    const settled = pushed.catch(() => undefined);
    this.#checking = settled;
    return pushed;
  }

  #push(value: unknown): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#over);
    let payload: EncodedPayload | undefined;
    try {
      payload = encodePayload(value, this.#options.json);
    } catch (error) {
      return this.#broken(error);
    }
    if (this.#waiting.length === 0 && this.#mayGo() && this.#to !== undefined) {
      const error = this.#send(payload);
      return error === undefined ? written : this.#broken(error);
    }
    if (this.#waitingCost >= limits.streamWritesBytes)
      return Promise.reject(new TightbeamError("flow", "So much waits to be written that this was not taken: await what write() returns."));
    this.#waitingCost += costOf(payload);
    return new Promise((resolve, reject) => this.#waiting.push({ payload, resolve, reject }));
  }

  /** A peer may grant more than there is memory, and take nothing. */
  #mayGo(): boolean {
    return this.#sent < this.#granted && this.#unsealed < limits.streamUnsentBytes;
  }

  readonly #flush = (): void => {
    if (this.#to === undefined) return;
    while (this.#mayGo()) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) break;
      this.#waitingCost -= costOf(waiting.payload);
      const error = this.#send(waiting.payload);
      if (error === undefined) waiting.resolve();
      else {
        waiting.reject(error);
        this.#options.onBroken(error);
      }
    }
    const ending = this.#ending;
    if (ending === undefined || this.#waiting.length > 0) return;
    this.#ending = undefined;
    ending.then();
    ending.resolve();
  };

  #send(payload: EncodedPayload | undefined): TightbeamError | undefined {
    const link = this.#link as Link;
    const length = partHeadBytes + (payload?.bytes.length ?? 0);
    const most = link.peer.limits.maxMessageBytes;
    if (length > most) return new TightbeamError("too_large", `A chunk has ${length} bytes with its head; ${link.peer.id} takes at most ${most}.`);
    const cost = costOf(payload);
    const bytes = encodePayloadPart(partKind.chunk, this.#to as StreamAddress, payload);
    const told = this.#batch + cost >= batchBytes;
    this.#sent += cost;
    this.#unsealed += cost;
    this.#batch += cost;
    if (told) {
      this.#batches.push(this.#batch);
      this.#batch = 0;
    }
    try {
      link.send({ bytes, lane: this.#lane, intake: false, part: true, ...(told ? { watch: this } : undefined) });
    } catch (error) {
      return error as TightbeamError;
    }
    return undefined;
  }

  #broken(error: unknown): Promise<never> {
    this.#options.onBroken(error as TightbeamError);
    return Promise.reject(error);
  }
}

const costOf = (payload: EncodedPayload | undefined): number => (payload?.bytes.length ?? 0) + chunkCost;
