import * as limits from "../limits.js";

/** What a JSON payload may cost. */
export interface JsonLimits {
  /** Bytes of JSON text. */
  readonly jsonMaxBytes: number;
  /** Containers inside one another; `[]` is one. */
  readonly jsonMaxDepth: number;
  /** Object keys in the whole text. */
  readonly jsonMaxKeys: number;
  /** Objects and arrays in the whole text, empty ones included: 1 MiB of `{},` takes 50 ms to parse. */
  readonly jsonMaxContainers: number;
}

export const jsonLimits: JsonLimits = {
  jsonMaxBytes: limits.jsonMaxBytes,
  jsonMaxDepth: limits.jsonMaxDepth,
  jsonMaxKeys: limits.jsonMaxKeys,
  jsonMaxContainers: limits.jsonMaxContainers,
};

/** Those that are given, and the defaults for the rest: also for what is given as undefined, which would be no limit. */
export const jsonLimitsOf = (given: { readonly [Name in keyof JsonLimits]?: number | undefined }): JsonLimits => ({
  ...jsonLimits,
  jsonMaxBytes: given.jsonMaxBytes ?? jsonLimits.jsonMaxBytes,
  jsonMaxDepth: given.jsonMaxDepth ?? jsonLimits.jsonMaxDepth,
  jsonMaxKeys: given.jsonMaxKeys ?? jsonLimits.jsonMaxKeys,
});
