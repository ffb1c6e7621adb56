import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isName } from "../envelope/grammar.js";
import { TightbeamError } from "../errors.js";

/** Names of what agents say to each other on their own account begin so: no contract may. */
export const ownPrefix = "tb/";

/** Throws `invalid_argument` unless `name` may name a contract. `made` says which: `method`, `stream`, `topic`. */
export function checkName(made: string, name: string): void {
  if (!isName(name)) throw invalid(`A ${made} name is 1 to 128 of A-Z a-z 0-9 _ - in segments joined by . or /, each beginning with a letter or digit.`);
  if (name.startsWith(ownPrefix)) throw invalid(`A ${made} name does not begin with ${ownPrefix}: those are Tightbeam's own.`);
}

/** Throws `invalid_argument` unless it is undefined or speaks Standard Schema v1. */
export function checkSchema(made: string, side: string, schema: unknown): void {
  if (schema !== undefined && !isStandardSchema(schema))
    throw invalid(`The ${side} of ${made} is not a Standard Schema v1: use zod, valibot, arktype or the like.`);
}

function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = (value as { "~standard"?: unknown })["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    (standard as { version?: unknown }).version === 1 &&
    typeof (standard as { validate?: unknown }).validate === "function"
  );
}

export const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
