import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { attribute, conventions, metric, other } from "../../src/opentelemetry/names.js";

/** The conventions as published, in the version that the SDK of these tests brings; it keeps names that were replaced. */
const sdk = createRequire(createRequire(import.meta.url).resolve("@opentelemetry/sdk-trace-base"));
const published = sdk("@opentelemetry/semantic-conventions/incubating") as Readonly<Record<string, unknown>>;

const standard = (table: Readonly<Record<string, string>>): string[] => Object.values(table).filter((name) => !name.startsWith("tightbeam."));
const values = (prefix: string): ReadonlySet<unknown> =>
  new Set(Object.keys(published).flatMap((key) => (key.startsWith(prefix) && typeof published[key] === "string" ? [published[key]] : [])));

describe("the table of names", () => {
  it("has attributes and metrics of the conventions, and names under tightbeam", () => {
    expect(standard(attribute).length).toBeGreaterThan(8);
    expect(standard(metric).length).toBe(6);
    expect(standard(attribute).filter((name) => !values("ATTR_").has(name))).toEqual([]);
    expect(standard(metric).filter((name) => !values("METRIC_").has(name))).toEqual([]);
    expect(other).toBe(published.ERROR_TYPE_VALUE_OTHER);
    expect(conventions.schemaUrl).toBe(`https://opentelemetry.io/schemas/${conventions.version}`);
  });

  it("says nothing twice", () => {
    for (const table of [attribute, metric]) expect(new Set(Object.values(table)).size).toBe(Object.keys(table).length);
  });
});
