import { decodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Stream, validate } from "../../contract/index.js";
import { fromWireError, toWireError } from "../../envelope/error.js";
import { encodeCancel, encodeCredit, encodePayloadPart } from "../../envelope/part.js";
import { encodeErrorPart, type Part, partKind, type StreamAddress } from "../../envelope/part-head.js";
import { TightbeamError } from "../../errors.js";
import type { MemoryBudget } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import type { Lane, MessageWatch, Sent } from "../../link/message.js";
import { outcomeUnknown } from "../asking/operation.js";
import type { PatternHost } from "../host.js";
import { StreamReader } from "./reader.js";
import { say } from "./say.js";
import { leave, sayAll } from "./saying.js";
import type { StreamEnd } from "./table.js";
import type { StreamCall } from "./types.js";
import { StreamWriter } from "./writer.js";

interface OpenedOptions {
  readonly host: Pick<PatternHost, "json" | "ids" | "runtime">;
  readonly contract: Stream;
  readonly window: number;
  /** Nothing more comes of it. Idempotent. */
  readonly onOver: () => void;
}

/** A stream as its caller holds it: from the call on, also while there is no link yet. */
export class OpenedStream implements StreamCall, StreamEnd, MessageWatch {
  readonly result: Promise<unknown>;
  readonly #options: OpenedOptions;
  readonly #reader: StreamReader;
  readonly #writer: StreamWriter;
  #link: Link | undefined;
  #lane: Lane = 2;
  #to: StreamAddress = { number: 0, byOpener: true };
  #opening: Sent | undefined;
  #source: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** The opening is on its way: what is said from now on comes after it. */
  #atOnce: Promise<void>;
  #departed: () => void = nothing;
  #over = false;
  #resolve: (output: unknown) => void = nothing;
  #reject: (error: TightbeamError) => void = nothing;

  constructor(options: OpenedOptions) {
    const { host, contract, window } = options;
    this.#options = options;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.result.catch(nothing);
    this.#atOnce = new Promise((resolve) => (this.#departed = resolve));
    const { json } = host;
    this.#reader = new StreamReader({
      json,
      schema: contract.chunk,
      where: "output",
      window,
      owner: {
        grant: (total) => this.#say(encodeCredit(this.#to, total)),
        readNoMore: () => this.cancel(),
        broken: (error) => this.broken(error),
      },
    });
    this.#writer = new StreamWriter({ json, schema: contract.up, where: "input", onBroken: (error) => this.#giveUp(error) });
  }

  get over(): boolean {
    return this.#over;
  }

  [Symbol.asyncIterator](): StreamReader {
    return this.#reader;
  }

  write(chunk: unknown): Promise<void> {
    return this.#writer.write(chunk);
  }

  async end(): Promise<void> {
    await this.#atOnce;
    if (this.#over) return;
    await this.#writer.end(() => this.#say(encodePayloadPart(partKind.end, this.#to, undefined), true));
  }

  cancel(reason?: unknown): void {
    if (this.#over) return;
    this.#giveUp(new TightbeamError("cancelled", "The stream was cancelled here.", reason === undefined ? {} : { cause: reason }), true);
  }

  /** Its time is up, or it could not be opened. */
  fail(error: TightbeamError): void {
    this.#giveUp(error, error.code === "cancelled");
  }

  /** Says what `source` gives, from when it can be heard. */
  async saySource(source: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    await this.#atOnce;
    if (this.#over) return;
    try {
      const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
      this.#source = iterator;
      await sayAll(iterator, this.#writer);
      this.#source = undefined;
      await this.end();
    } catch (cause) {
      const failed = this.#source !== undefined && !this.#writer.stopped;
      leave(this.#source);
      this.#source = undefined;
      if (failed) this.#giveUp(new TightbeamError("cancelled", "The source of the stream failed: see the cause.", { cause }));
    }
  }

  /** The first credit, for the opening. */
  credit(budget: MemoryBudget): number {
    return this.#reader.open(budget);
  }

  /** The opening was handed to the link. */
  sent(link: Link, lane: Lane, number: number, opening: Sent): void {
    this.#link = link;
    this.#lane = lane;
    this.#to = { number, byOpener: true };
    this.#opening = opening;
    link.awaited++;
    this.#writer.open(link, lane, this.#to, 0);
  }

  sealed(): void {
    this.#opening = undefined;
    this.#departed();
  }

  lost(error: TightbeamError): void {
    this.#settle(error);
  }

  linkEnded(error: TightbeamError): void {
    if (this.#link !== undefined) this.#settle(outcomeUnknown(`The link with ${this.#link.peer.id} ended (${error.code})`, {}, error));
  }

  take({ kind, payload, error, total }: Part): void {
    if (kind === partKind.chunk) {
      const wrong = this.#reader.take(payload);
      if (wrong !== undefined) this.broken(wrong);
    } else if (kind === partKind.credit) this.#writer.grant(total);
    else if (kind === partKind.end) this.#ended(payload);
    else if (kind === partKind.error) this.#settle(fromWireError(error as NonNullable<typeof error>));
    else {
      this.#writer.stop(new TightbeamError("cancelled", "The handler reads no more of what is written."));
      leave(this.#source);
    }
  }

  broken(error: TightbeamError): void {
    if (this.#over) return;
    const { ids, runtime } = this.#options.host;
    this.#say(encodeErrorPart(this.#to, toWireError(error, ids.text(runtime.clock.wall()))));
    this.#settle(error);
  }

  #ended(payload: EncodedPayload | undefined): void {
    const { host, contract, onOver } = this.#options;
    // Nothing more comes, however long the output is checked.
    onOver();
    try {
      const value = decodePayload(payload, host.json);
      const checked = contract.output === undefined ? value : validate(contract.output, value, "output");
      if (!(checked instanceof Promise)) return this.#settle(undefined, checked);
      checked.then(
        (output: unknown) => this.#settle(undefined, output),
        (error: TightbeamError) => this.#settle(error),
      );
    } catch (error) {
      this.#settle(error as TightbeamError);
    }
  }

  /** Ends it on both sides. */
  #giveUp(error: TightbeamError, dropped = false): void {
    if (this.#over) return;
    if (this.#link !== undefined && this.#opening?.giveUp() !== true) this.#say(encodeCancel(this.#to));
    if (dropped) this.#reader.drop(error);
    this.#settle(error);
  }

  #settle(error: TightbeamError | undefined, output?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#link !== undefined) this.#link.awaited--;
    this.#reader.end(error);
    this.#writer.stop(error ?? new TightbeamError("closed", "The stream is over: its handler has returned."));
    leave(this.#source);
    this.#departed();
    if (error === undefined) this.#resolve(output);
    else this.#reject(error);
    this.#options.onOver();
  }

  #say(bytes: Uint8Array, inOrder = false): void {
    if (this.#link !== undefined) say(this.#link, this.#lane, bytes, inOrder);
  }
}

const nothing = (): void => undefined;
