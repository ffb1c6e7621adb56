import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checkKnown } from "../known-options.js";
import { checkName, checkSchema, invalid } from "./standard-schema.js";

/** What a caller and a handler agree on. `method()` makes one; it is frozen and may be shared by both sides. */
export interface Method<Input extends StandardSchemaV1 = StandardSchemaV1, Output extends StandardSchemaV1 = StandardSchemaV1> {
  readonly kind: "method";
  readonly name: string;
  /** Undefined: any payload, of type unknown. */
  readonly input: Input | undefined;
  readonly output: Output | undefined;
  /** True when calling twice does what calling once does: a call with an unknown outcome may be repeated. Default false. */
  readonly idempotent: boolean;
  /** True when notifications of it are durable unless their options say otherwise: see `NotifyOptions.durable`. Default false. */
  readonly durable: boolean;
}

export interface MethodOptions<Input extends StandardSchemaV1, Output extends StandardSchemaV1> {
  readonly input?: Input | undefined;
  readonly output?: Output | undefined;
  readonly idempotent?: boolean | undefined;
  readonly durable?: boolean | undefined;
}

/** What a caller passes. Of a method that only its name is known of: anything. */
export type MethodInput<T extends Method | string> = T extends Method<infer Input, StandardSchemaV1> ? StandardSchemaV1.InferInput<Input> : unknown;
/** What a caller gets. */
export type MethodOutput<T extends Method | string> = T extends Method<StandardSchemaV1, infer Output> ? StandardSchemaV1.InferOutput<Output> : unknown;
/** What a handler gets: the input after the schema's defaults and transformations. */
export type HandlerInput<T extends Method> = T extends Method<infer Input, StandardSchemaV1> ? StandardSchemaV1.InferOutput<Input> : never;
/** What a handler returns: the output before them. */
export type HandlerOutput<T extends Method> = T extends Method<StandardSchemaV1, infer Output> ? StandardSchemaV1.InferInput<Output> : never;

const options = ["input", "output", "idempotent", "durable"];

/**
 * A contract: a name and, as far as given, schemas of any library that speaks Standard Schema v1. Without a schema that side is
 * unknown and unchecked. The name is 1 to 128 of `A-Z a-z 0-9 _ -` in segments joined by `.` or `/`, each beginning with a
 * letter or digit. Throws `invalid_argument`.
 */
export function method<Input extends StandardSchemaV1 = StandardSchemaV1, Output extends StandardSchemaV1 = StandardSchemaV1>(
  name: string,
  { input, output, idempotent = false, durable = false, ...unknown }: MethodOptions<Input, Output> = {},
): Method<Input, Output> {
  checkName("method", name);
  const made = `method("${name}")`;
  checkKnown(made, unknown, options);
  checkSchema(made, "input", input);
  checkSchema(made, "output", output);
  if (typeof idempotent !== "boolean") throw invalid(`The option idempotent of ${made} is a boolean.`);
  if (typeof durable !== "boolean") throw invalid(`The option durable of ${made} is a boolean.`);
  return Object.freeze({ kind: "method", name, input, output, idempotent, durable });
}
