import { toJsonSchema, toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { contract } from "../../src/contract/contract.js";
import { describe as describeContract } from "../../src/contract/describe.js";
import { method } from "../../src/contract/method.js";
import { stream } from "../../src/contract/stream.js";
import { topic } from "../../src/contract/topic.js";

const dialect = { $schema: "https://json-schema.org/draft/2020-12/schema" };
const text = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };

describe("describe()", () => {
  test("says what each method, stream and topic takes on the wire", () => {
    const search = contract({
      name: "search",
      version: 3,
      methods: {
        find: method("find", { input: z.object({ text: z.string(), limit: z.number().default(10) }), output: z.string().transform(Number), idempotent: true }),
        watch: stream("watch", { input: z.string(), chunk: z.number(), up: z.boolean() }),
        progress: topic("progress", z.number()),
      },
    });
    const described = describeContract(search);
    expect(described).toEqual({
      name: "search",
      version: 3,
      methods: {
        find: {
          kind: "method",
          name: "search.find@3",
          idempotent: true,
          // A caller may leave out what has a default; what travels back is the text, before it becomes a number.
          input: {
            schema: "json",
            json: { ...dialect, type: "object", properties: { text: { type: "string" }, limit: { default: 10, type: "number" } }, required: ["text"] },
          },
          output: { schema: "json", json: { ...dialect, type: "string" } },
        },
        watch: {
          kind: "stream",
          name: "search.watch@3",
          input: { schema: "json", json: { ...dialect, type: "string" } },
          chunk: { schema: "json", json: { ...dialect, type: "number" } },
          up: { schema: "json", json: { ...dialect, type: "boolean" } },
          output: { schema: "none", json: {} },
        },
        progress: { kind: "topic", name: "search.progress", event: { schema: "json", json: { ...dialect, type: "number" } } },
      },
    });
    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
  });

  test.each([
    ["zod", z.object({ text: z.string() })],
    ["arktype", type({ text: "string" })],
    ["valibot with its Standard JSON Schema", toStandardJsonSchema(v.object({ text: v.string() }))],
  ])("speaks with %s", (_, input) => {
    const { methods } = describeContract(contract({ name: "c", version: 1, methods: { m: method("m", { input }) } }));
    expect(methods.m).toMatchObject({ input: { schema: "json", json: text } });
  });

  test("takes a converter for schemas that have no JSON form of their own", () => {
    const plain = contract({ name: "c", version: 1, methods: { m: method("m", { input: v.object({ text: v.string() }), output: z.string() }) } });
    expect(describeContract(plain).methods.m).toMatchObject({ input: { schema: "opaque", json: {} } });
    const described = describeContract(plain, { convert: (schema) => ({ ...toJsonSchema(schema as v.GenericSchema) }) });
    expect(described.methods.m).toMatchObject({ input: { schema: "json", json: text }, output: { schema: "json", json: { type: "string" } } });
    const small = contract({ name: "c", version: 1, methods: { m: method("m", { input: mini.object({ text: mini.string() }) }) } });
    expect(describeContract(small).methods.m).toMatchObject({ input: { schema: "opaque" } });
    expect(describeContract(small, { convert: (schema) => z.toJSONSchema(schema as z.ZodType) }).methods.m).toMatchObject({
      input: { schema: "json", json: text },
    });
  });

  test.each([
    ["what JSON cannot say", () => z.date()],
    ["a schema of one's own", () => ({ "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } }) as const],
    ["a converter that returns no object", () => withJson(() => "text")],
    ["a converter that returns a list", () => withJson(() => [])],
    ["a converter that returns nothing", () => withJson(() => undefined)],
    ["a converter that returns what JSON cannot hold", () => withJson(() => ({ big: 1n }))],
  ])("%s is opaque", (_, make) => {
    const described = describeContract(contract({ name: "c", version: 1, methods: { m: method("m", { input: make() as never }) } }), {
      convert: () => {
        throw new Error("neither");
      },
    });
    expect(described.methods.m).toMatchObject({ input: { schema: "opaque", json: {} } });
  });
});

const withJson = (input: () => unknown) => ({
  "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }), jsonSchema: { input, output: input } },
});
