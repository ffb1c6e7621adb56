import type {
  HandledStreamChunk,
  HandledStreamInput,
  HandledStreamOutput,
  HandledStreamUp,
  Stream,
  StreamChunk,
  StreamInput,
  StreamOutput,
  StreamUp,
} from "../../contract/index.js";
import type { HandlerContext } from "../answering/context.js";
import type { OperationOptions } from "../asking/operation.js";

/** What opening a stream takes. There is no timeout unless one is given: it is for the whole stream. */
export interface StreamCallOptions<Up = unknown> extends OperationOptions {
  /** Bytes that may wait here to be read, each chunk counting 64 more. Default 2 MiB. */
  readonly window?: number | undefined;
  /** What the caller says: each of these is written, then the caller's side ends. Its iterator is told when nobody reads it any more. */
  readonly source?: AsyncIterable<Up> | Iterable<Up> | undefined;
}

/** A stream as its caller holds it. Iterate over it for what the handler says; leaving the loop early cancels it. */
export interface StreamCall<Chunk = unknown, Up = unknown, Output = unknown> extends AsyncIterable<Chunk> {
  /**
   * Says one thing. Resolves when the handler's credit lets it go: await it before the next. Bytes must not change until then. Rejects with
   * `cancelled` when the handler reads no more, `flow` when more than 1 MiB waits already, `invalid_input`, which ends the stream, and with
   * what the stream ended with.
   */
  write(chunk: Up): Promise<void>;
  /** The caller says no more; the handler goes on. Resolves when it is on its way. */
  end(): Promise<void>;
  /** What the handler returned. Rejects with what it failed with, `cancelled`, `timeout`, `flow`, `delivery_unknown` and the other codes of docs/errors.md. Need not be awaited. */
  readonly result: Promise<Output>;
  /** Ends it on both sides: the handler's signal fires. What was not read is dropped. Nothing happens when it is over. */
  cancel(reason?: unknown): void;
}

export type StreamCallOf<T extends Stream | string> = StreamCall<StreamChunk<T>, StreamUp<T>, StreamOutput<T>>;

/** The input may be left out where the contract says nothing of it. */
export type StreamArguments<T extends Stream | string> =
  undefined extends StreamInput<T>
    ? [input?: StreamInput<T>, options?: StreamCallOptions<StreamUp<T>>]
    : [input: StreamInput<T>, options?: StreamCallOptions<StreamUp<T>>];

/** What a stream's handler is told beside its input. */
export interface StreamContext<Up = unknown> extends HandlerContext {
  /** What the caller says, read once. Leaving the loop tells the caller to say no more; the stream goes on. Throws `cancelled` or `closed` when the stream ends first. */
  readonly source: AsyncIterable<Up>;
}

/** Yields chunks and returns the output, or says nothing and returns the output. */
export type StreamHandler<T extends Stream> = (
  input: HandledStreamInput<T>,
  context: StreamContext<HandledStreamUp<T>>,
) =>
  | AsyncGenerator<HandledStreamChunk<T>, HandledStreamOutput<T>, void>
  | Generator<HandledStreamChunk<T>, HandledStreamOutput<T>, void>
  | Promise<HandledStreamOutput<T>>
  | HandledStreamOutput<T>;

export interface StreamHandleOptions {
  /** Bytes that may wait for the handler to read, each chunk counting 64 more. Default 2 MiB. */
  readonly window?: number | undefined;
}

/** A handler as it is kept beside those of methods: names are one space. */
export interface StreamEntry {
  readonly contract: Stream;
  readonly handler: (input: unknown, context: StreamContext) => unknown;
  readonly window: number;
}
