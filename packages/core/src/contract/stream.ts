import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checkKnown } from "../known-options.js";
import { checkName, checkSchema } from "./standard-schema.js";

/** What a caller and a handler agree on when either side, or both, say many things. `stream()` makes one; it is frozen and may be shared by both sides. */
export interface Stream<
  Input extends StandardSchemaV1 = StandardSchemaV1,
  Chunk extends StandardSchemaV1 = StandardSchemaV1,
  Up extends StandardSchemaV1 = StandardSchemaV1,
  Output extends StandardSchemaV1 = StandardSchemaV1,
> {
  readonly kind: "stream";
  readonly name: string;
  /** What opens it. Undefined: any payload, of type unknown. So with the others. */
  readonly input: Input | undefined;
  /** Each thing the handler says. */
  readonly chunk: Chunk | undefined;
  /** Each thing the caller says. */
  readonly up: Up | undefined;
  /** What the handler ends with. */
  readonly output: Output | undefined;
}

export interface StreamOptions<Input extends StandardSchemaV1, Chunk extends StandardSchemaV1, Up extends StandardSchemaV1, Output extends StandardSchemaV1> {
  readonly input?: Input | undefined;
  readonly chunk?: Chunk | undefined;
  readonly up?: Up | undefined;
  readonly output?: Output | undefined;
}

type Any = StandardSchemaV1;
/** What a caller passes to open it. This and the next three are anything of a stream that only its name is known of. */
export type StreamInput<T extends Stream | string> = T extends Stream<infer Input, Any, Any, Any> ? StandardSchemaV1.InferInput<Input> : unknown;
/** What a caller reads. */
export type StreamChunk<T extends Stream | string> = T extends Stream<Any, infer Chunk, Any, Any> ? StandardSchemaV1.InferOutput<Chunk> : unknown;
/** What a caller writes. */
export type StreamUp<T extends Stream | string> = T extends Stream<Any, Any, infer Up, Any> ? StandardSchemaV1.InferInput<Up> : unknown;
/** What a caller gets at the end. */
export type StreamOutput<T extends Stream | string> = T extends Stream<Any, Any, Any, infer Output> ? StandardSchemaV1.InferOutput<Output> : unknown;
/** The same on the handler's side: what it gets is after the schema's defaults and transformations, what it gives is before them. */
export type HandledStreamInput<T extends Stream> = T extends Stream<infer Input, Any, Any, Any> ? StandardSchemaV1.InferOutput<Input> : never;
export type HandledStreamChunk<T extends Stream> = T extends Stream<Any, infer Chunk, Any, Any> ? StandardSchemaV1.InferInput<Chunk> : never;
export type HandledStreamUp<T extends Stream> = T extends Stream<Any, Any, infer Up, Any> ? StandardSchemaV1.InferOutput<Up> : never;
export type HandledStreamOutput<T extends Stream> = T extends Stream<Any, Any, Any, infer Output> ? StandardSchemaV1.InferInput<Output> : never;

const options = ["input", "chunk", "up", "output"];

/**
 * A contract: a name and, as far as given, schemas of any library that speaks Standard Schema v1, for what opens the stream, for what
 * each side says, and for what it ends with. The name is as a method's. Throws `invalid_argument`.
 */
export function stream<
  Input extends StandardSchemaV1 = StandardSchemaV1,
  Chunk extends StandardSchemaV1 = StandardSchemaV1,
  Up extends StandardSchemaV1 = StandardSchemaV1,
  Output extends StandardSchemaV1 = StandardSchemaV1,
>(name: string, { input, chunk, up, output, ...unknown }: StreamOptions<Input, Chunk, Up, Output> = {}): Stream<Input, Chunk, Up, Output> {
  checkName("stream", name);
  const made = `stream("${name}")`;
  checkKnown(made, unknown, options);
  for (const [side, schema] of Object.entries({ input, chunk, up, output })) checkSchema(made, side, schema);
  return Object.freeze({ kind: "stream", name, input, chunk, up, output });
}
