import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { type HandlerInput, type HandlerOutput, type Method, type MethodInput, type MethodOutput, method } from "../../src/contract/method.js";

const summarize = method("summarize", { input: z.object({ text: z.string() }), output: z.object({ summary: z.string() }) });

describe("method()", () => {
  test("gives a frozen contract", () => {
    expect(summarize).toMatchObject({ kind: "method", name: "summarize", idempotent: false });
    expect(Object.isFrozen(summarize)).toBe(true);
    expect(() => {
      (summarize as { name: string }).name = "other";
    }).toThrow(TypeError);
    expect(method("ping", { idempotent: true })).toEqual({
      kind: "method",
      name: "ping",
      input: undefined,
      output: undefined,
      idempotent: true,
      durable: false,
    });
  });

  test("takes a schema that is a function, as some libraries have it", () => {
    const schema = Object.assign(() => undefined, { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } } as const);
    expect(method("m", { input: schema }).input).toBe(schema);
  });

  test.each(["a", "A9_-", "a.b", "tools/call", "a.b/c", "constructor", "x".repeat(128)])("name %s is taken", (name) => expect(method(name).name).toBe(name));
  test.each(["", "a b", "a\n", "a..b", ".a", "a/", "*", ">", "$x", "_x", "__proto__", "é", "a\u200b", "x".repeat(129), 5, null])(
    "name %j is refused",
    (name) => {
      expect(() => method(name as string)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    },
  );

  test("a million characters of name are refused at once", () => {
    const begin = performance.now();
    expect(() => method(`${"a.".repeat(500_000)}!`)).toThrow();
    expect(performance.now() - begin).toBeLessThan(200);
  });

  test.each([
    ["a mistyped option", { imput: summarize.input }],
    ["a schema of no library", { input: { parse: () => 1 } }],
    ["a schema that is null", { output: null }],
    ["a schema of another version", { input: { "~standard": { version: 2, validate: () => 1 } } }],
    ["idempotent that is no boolean", { idempotent: "yes" }],
  ])("%s is refused", (_, options) => {
    expect(() => method("m", options as object)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("types", () => {
  const dates = method("dates", {
    input: z.object({ at: z.string().transform((text) => new Date(text)), n: z.number().default(1) }),
    output: z.string().transform(Number),
  });
  const untyped = method("anything");
  const inputOnly = method("half", { input: z.string() });

  test("caller and handler see the two sides of each schema", () => {
    expectTypeOf<MethodInput<typeof summarize>>().toEqualTypeOf<{ text: string }>();
    expectTypeOf<MethodOutput<typeof summarize>>().toEqualTypeOf<{ summary: string }>();
    expectTypeOf<MethodInput<typeof dates>>().toEqualTypeOf<{ at: string; n?: number | undefined }>();
    expectTypeOf<HandlerInput<typeof dates>>().toEqualTypeOf<{ at: Date; n: number }>();
    expectTypeOf<HandlerOutput<typeof dates>>().toEqualTypeOf<string>();
    expectTypeOf<MethodOutput<typeof dates>>().toEqualTypeOf<number>();
  });

  test("what has no schema is unknown", () => {
    expectTypeOf<MethodInput<typeof untyped>>().toEqualTypeOf<unknown>();
    expectTypeOf<HandlerOutput<typeof untyped>>().toEqualTypeOf<unknown>();
    expectTypeOf<MethodInput<typeof inputOnly>>().toEqualTypeOf<string>();
    expectTypeOf<MethodOutput<typeof inputOnly>>().toEqualTypeOf<unknown>();
  });

  test("a typed contract is a Method, and what does not fit does not compile", () => {
    const list: readonly Method[] = [summarize, dates, untyped];
    expect(list).toHaveLength(3);
    const good: MethodInput<typeof summarize> = { text: "x" };
    // @ts-expect-error a number where text belongs
    const wrong: MethodInput<typeof summarize> = { text: 1 };
    // @ts-expect-error a contract's fields are read-only
    const rename = (): string => (summarize.name = "other");
    // @ts-expect-error a validator without the Standard Schema interface
    expect(() => method("m", { input: { parse: (value: unknown) => value } })).toThrow();
    // @ts-expect-error an option that does not exist
    expect(() => method("m", { idempotnt: true })).toThrow();
    expect([good, wrong, rename]).toHaveLength(3);
    expectTypeOf(summarize.input).toExtend<StandardSchemaV1 | undefined>();
  });
});
