import type { StandardSchemaV1 } from "@standard-schema/spec";
import { formatPath } from "../codec/path.js";
import { TightbeamError } from "../errors.js";
import { onDemand } from "../on-demand.js";

export type Where = "input" | "output";

/** Most values fit: what words an issue is loaded with the first one that does not. */
const words = onDemand(() => import("./expectation.js"));

/**
 * Checks `value` and returns what the schema made of it; a promise only where the schema itself is asynchronous, or the value does not
 * fit. Rejects with `invalid_input` or `invalid_output` with path and expectation of the first issue, never with the value. What a schema
 * throws is its own fault, is thrown at once, and is kept as the cause. Nothing is merged or copied: the result is the schema's.
 */
export function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  value: unknown,
  where: Where,
): StandardSchemaV1.InferOutput<Schema> | Promise<StandardSchemaV1.InferOutput<Schema>> {
  let result: StandardSchemaV1.Result<StandardSchemaV1.InferOutput<Schema>> | Promise<StandardSchemaV1.Result<StandardSchemaV1.InferOutput<Schema>>>;
  try {
    result = schema["~standard"].validate(value) as typeof result;
  } catch (cause) {
    throw broken(where, cause);
  }
  const { vendor } = schema["~standard"];
  if (!isThenable(result)) return settle(result, vendor, value, where);
  return Promise.resolve(result).then(
    (settled) => settle(settled, vendor, value, where),
    (cause: unknown) => {
      throw broken(where, cause);
    },
  );
}

const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

function settle<Output>(result: StandardSchemaV1.Result<Output>, vendor: string, value: unknown, where: Where): Output | Promise<never> {
  if (typeof result !== "object" || result === null) throw broken(where, undefined);
  return result.issues ? refuse(result.issues, vendor, value, where) : result.value;
}

async function refuse(issues: readonly StandardSchemaV1.Issue[], vendor: string, value: unknown, where: Where): Promise<never> {
  const [issue] = issues;
  const keys = (issue?.path ?? []).map((part) => (typeof part === "object" && part !== null ? part.key : part));
  const path = formatPath(where, keys);
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  const expected = await words().then(
    ({ expectationOf }) => expectationOf(issue, vendor, keys, value),
    () => "does not match the schema",
  );
  throw new TightbeamError(`invalid_${where}`, `${path}: ${expected}${more}.`);
}

const broken = (where: Where, cause: unknown): TightbeamError =>
  new TightbeamError(`invalid_${where}`, `The schema of the ${where} failed: it must return issues, not throw.`, { cause });
