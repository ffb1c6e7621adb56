import { decodePayload, encodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import { validate } from "../../contract/index.js";
import { fromWireError, toWireError } from "../../envelope/error.js";
import { encodeCancel, encodeCredit, encodePayloadPart } from "../../envelope/part.js";
import { encodeErrorPart, type Part, partHeadBytes, partKind, type StreamAddress } from "../../envelope/part-head.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Lane } from "../../link/message.js";
import { CallContext, type Running } from "../answering/context.js";
import { runMiddleware, SeenCall } from "../answering/seen-call.js";
import { laneOfPriority } from "../asking/operation.js";
import type { PatternHost } from "../host.js";
import type { Handled } from "../taps.js";
import { StreamReader } from "./reader.js";
import { say } from "./say.js";
import { leave, sayAll } from "./saying.js";
import type { Place, StreamEnd } from "./table.js";
import type { StreamContext, StreamEntry } from "./types.js";
import { StreamWriter } from "./writer.js";

interface ServedOptions {
  readonly host: Pick<PatternHost, "json" | "ids" | "runtime" | "middleware" | "onFailure" | "taps">;
  /** Why nothing answers this name. */
  readonly missing: (name: string) => TightbeamError;
  readonly place: Place;
  readonly header: EnvelopeHeader;
  /** Nothing more comes of it. */
  readonly onOver: () => void;
  /** Its handler, if it ran, has settled: last of all. */
  readonly onSettled: () => void;
}

/** A stream as its handler's agent holds it: from its opening on, also while it waits to be admitted. */
export class ServedStream implements StreamEnd, Running {
  readonly link: Link;
  readonly header: EnvelopeHeader;
  abort: AbortController | undefined;
  cancelled: unknown;
  span: Handled["span"];
  readonly #options: ServedOptions;
  readonly #lane: Lane;
  readonly #to: StreamAddress;
  #credit: number;
  #entry: StreamEntry | undefined;
  #reader: StreamReader | undefined;
  #writer: StreamWriter | undefined;
  #says: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  #callerEnded = false;
  #running = false;
  #over = false;

  constructor(options: ServedOptions) {
    const { place, header } = options;
    const { number = 0, credit = 0 } = header.stream ?? {};
    this.#options = options;
    this.link = place.link;
    this.header = header;
    this.#lane = laneOfPriority(header.priority, 0);
    this.#to = { number, byOpener: false };
    this.#credit = credit;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Runs the handler with the input of the opening. */
  run(entry: StreamEntry | undefined, input: EncodedPayload | undefined): void {
    this.#entry = entry;
    this.#running = true;
    const work = (): void => void this.#work(input, new StreamCallContext(this, this));
    const { tracing } = this.#options.host.taps;
    if (tracing === undefined) work();
    else tracing.run(this, this.link, this.header, input?.bytes.length ?? 0, undefined, work);
  }

  /** What the caller says, from when the handler asks for it. */
  get source(): StreamReader {
    this.#reader ??= this.#listen();
    return this.#reader;
  }

  take({ kind, payload, error, total }: Part): void {
    if (kind === partKind.chunk) {
      // Nothing was granted before the handler asked.
      const wrong = this.#reader === undefined ? new TightbeamError("flow", "The caller said more than it was granted.") : this.#reader.take(payload);
      if (wrong !== undefined) this.broken(wrong);
    } else if (kind === partKind.credit) {
      this.#credit = Math.max(this.#credit, total);
      this.#writer?.grant(total);
    } else if (kind === partKind.end) {
      this.#callerEnded = true;
      this.#reader?.end();
    } else if (kind === partKind.error) this.#stop(fromWireError(error as NonNullable<typeof error>));
    else this.#stop(new TightbeamError("cancelled", "The caller reads no more."));
  }

  broken(error: TightbeamError): void {
    this.fail(error);
  }

  linkEnded(error: TightbeamError): void {
    this.#stop(error);
  }

  /** Ends it on both sides, and tells the caller why. */
  fail(error: unknown): void {
    if (this.#over) return;
    const { host } = this.#options;
    const { header, link } = this;
    const id = host.ids.text(host.runtime.clock.wall());
    host.onFailure({ id, method: header.method ?? "", peer: link.peer.id, error });
    say(link, this.#lane, encodeErrorPart(this.#to, toWireError(error, id)), true);
    this.#stop(error instanceof TightbeamError ? error : new TightbeamError("handler_failed", "The handler of the stream failed.", { cause: error }));
  }

  async #work(input: EncodedPayload | undefined, context: StreamContext): Promise<void> {
    const { json, middleware } = this.#options.host;
    const { method = "" } = this.header;
    const writer = new StreamWriter({ json, schema: this.#entry?.contract.chunk, where: "output", onBroken: (error) => this.fail(error) });
    this.#writer = writer;
    try {
      writer.open(this.link, this.#lane, this.#to, this.#credit);
      const value = decodePayload(input, json);
      const handle = (given: unknown): unknown => this.#handle(given, context);
      const result = await (middleware.used ? runMiddleware(middleware.all, new SeenCall("stream", method, value, context), handle) : handle(value));
      this.#says = saysOf(result);
      if (this.#over) return leave(this.#says);
      const output = this.#says === undefined ? result : await sayAll(this.#says, writer);
      this.#says = undefined;
      await this.#finish(output);
    } catch (error) {
      leave(this.#says);
      this.fail(error);
    } finally {
      this.#running = false;
      this.#options.onSettled();
    }
  }

  async #handle(value: unknown, context: StreamContext): Promise<unknown> {
    if (this.#entry === undefined) throw this.#options.missing(context.method);
    const { contract, handler } = this.#entry;
    return handler(contract.input === undefined ? value : await validate(contract.input, value, "input"), context);
  }

  async #finish(output: unknown): Promise<void> {
    if (this.#over) return;
    const schema = this.#entry?.contract.output;
    if (schema !== undefined) await validate(schema, output, "output");
    const bytes = encodePayloadPart(partKind.end, this.#to, encodePayload(output, this.#options.host.json));
    const most = this.link.peer.limits.maxMessageBytes;
    if (bytes.length > most) throw new TightbeamError("too_large", `The output has ${bytes.length - partHeadBytes} bytes; the caller takes at most ${most}.`);
    if (this.#over) return;
    say(this.link, this.#lane, bytes, true);
    this.#end(new TightbeamError("closed", "The stream is over: its handler has returned."));
  }

  /** Whoever works for it hears of it. */
  #stop(error: TightbeamError): void {
    if (this.#over) return;
    this.#end(error);
    this.cancelled ??= error;
    this.abort?.abort(error);
    leave(this.#says);
    if (!this.#running) this.#options.onSettled();
  }

  #end(error: TightbeamError): void {
    this.#over = true;
    this.#reader?.drop(error);
    this.#writer?.stop(error);
    this.#options.onOver();
  }

  #listen(): StreamReader {
    const { host } = this.#options;
    const reader = new StreamReader({
      json: host.json,
      schema: this.#entry?.contract.up,
      where: "input",
      window: this.#entry?.window ?? 0,
      owner: {
        grant: (total) => say(this.link, this.#lane, encodeCredit(this.#to, total), false),
        readNoMore: () => say(this.link, this.#lane, encodeCancel(this.#to), false),
        broken: (error) => this.fail(error),
      },
    });
    if (this.#over) reader.end(this.cancelled as TightbeamError | undefined);
    else if (this.#callerEnded) reader.end();
    else say(this.link, this.#lane, encodeCredit(this.#to, reader.open(this.link.budget)), false);
    return reader;
  }
}

class StreamCallContext extends CallContext implements StreamContext {
  readonly #stream: ServedStream;

  constructor(running: Running, stream: ServedStream) {
    super(running);
    this.#stream = stream;
  }

  get source(): AsyncIterable<unknown> {
    return this.#stream.source;
  }
}

/** A generator says many things; anything else is the output, or a promise of it. */
function saysOf(result: unknown): AsyncIterator<unknown> | Iterator<unknown> | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { next } = result as { next?: unknown };
  return typeof next === "function" && (Symbol.asyncIterator in result || Symbol.iterator in result) ? (result as unknown as Iterator<unknown>) : undefined;
}
