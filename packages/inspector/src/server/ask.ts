import { type ErrorCode, errorCodes } from "@tightbeam/core";
import { z } from "zod";
import type { FeedRequestName, FeedRequests } from "../feed/requests.js";
import { invalid } from "./refusal.js";

const agent = z.string().min(1).max(300);
const id = z.string().min(1).max(100);
const limit = z.coerce.number().int().min(1).max(200);
const letter = z.strictObject({ agent, id });

/** What may be asked, and in which shape. */
export const requests: { readonly [N in FeedRequestName]: { readonly action: boolean; readonly fields: z.ZodType } } = {
  letters: {
    action: false,
    fields: z.strictObject({
      agent,
      limit: limit.optional(),
      after: id.optional(),
      reason: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]).optional(),
      peer: z.string().max(300).optional(),
      method: z.string().max(300).optional(),
    }),
  },
  letter: { action: false, fields: letter },
  contents: { action: false, fields: letter },
  payload: { action: false, fields: z.strictObject({ message: z.string().min(1).max(1_000) }) },
  traces: {
    action: false,
    fields: z.strictObject({ limit: limit.optional(), failed: z.stringbool({ truthy: ["true"], falsy: ["false"] }).optional() }),
  },
  trace: { action: false, fields: z.strictObject({ id: z.string().regex(/^[0-9a-f]{32}$/) }) },
  replay: { action: true, fields: letter },
  discard: { action: true, fields: letter },
};

/** Throws `invalid_argument`; its words name fields, never values. */
export function readFields<N extends FeedRequestName>(name: N, given: unknown): FeedRequests[N]["fields"] {
  const result = requests[name].fields.safeParse(given);
  if (result.success) return result.data as FeedRequests[N]["fields"];
  const fields = new Set(result.error.issues.map(({ path }) => path.join(".") || "the whole"));
  throw invalid(`'${name}' does not take this: see ${[...fields].slice(0, 5).join(", ")}.`);
}

/** Throws `invalid_argument` for a field that is there twice. */
export function queryFields(query: URLSearchParams): Record<string, string> {
  const fields = Object.create(null) as Record<string, string>;
  for (const [key, value] of query) {
    if (key in fields) throw invalid(`A field is there twice.`);
    fields[key] = value;
  }
  return fields;
}
