import { describe, expect, test } from "vitest";
import * as z from "zod";
import { contract } from "../../src/contract/contract.js";
import { method } from "../../src/contract/method.js";
import { stream } from "../../src/contract/stream.js";
import { topic } from "../../src/contract/topic.js";

const find = method("find", { input: z.object({ text: z.string() }), output: z.array(z.string()), idempotent: true });
const watch = stream("watch", { chunk: z.string() });
const progress = topic("progress", z.number());
const options = { name: "search", version: 2, methods: { find, watch, progress } } as const;

const refused = (change: object): string => {
  try {
    contract({ ...options, ...change } as never);
  } catch (error) {
    expect(error).toMatchObject({ name: "TightbeamError", code: "invalid_argument" });
    return (error as Error).message;
  }
  throw new Error("It was taken.");
};

describe("contract()", () => {
  test("gives its methods and streams names with the version, its topics names without", () => {
    const search = contract(options);
    expect(search).toMatchObject({ kind: "contract", name: "search", version: 2 });
    expect(search.methods.find).toEqual({ ...find, name: "search.find@2" });
    expect(search.methods.watch.name).toBe("search.watch@2");
    expect(search.methods.progress.name).toBe("search.progress");
    // What it was made of may be used in other contracts, and by itself.
    expect(find.name).toBe("find");
    expect(contract({ ...options, version: 999_999_999 }).methods.find.name).toBe("search.find@999999999");
    for (const each of [search, search.methods, search.methods.find]) expect(Object.isFrozen(each)).toBe(true);
  });

  test("its keys are what the client calls, its names what travels", () => {
    const { methods } = contract({ name: "a/b", version: 1, methods: { lookUp: find } });
    expect(Object.entries(methods).map(([key, { name }]) => [key, name])).toEqual([["lookUp", "a/b.find@1"]]);
  });

  test.each([
    ["no name", { name: undefined }],
    ["a name outside its grammar", { name: "se arch" }],
    ["a name of Tightbeam's own", { name: "tb/search" }],
    ["a name with a version", { name: "search@1" }],
    ["version 0", { version: 0 }],
    ["a version that is no whole number", { version: 1.5 }],
    ["a version of ten digits", { version: 1_000_000_000 }],
    ["a version as text", { version: "1" }],
    ["no version", { version: undefined }],
    ["no methods", { methods: undefined }],
    ["methods that are null", { methods: null }],
    ["empty methods", { methods: {} }],
    ["a schema as a method", { methods: { find: z.string() } }],
    ["an object that looks like a method", { methods: { find: { ...find } } }],
    ["a contract in a contract", { methods: { inner: contract(options) } }],
    ["a member of another contract", { methods: { find: contract(options).methods.find } }],
    ["nothing as a method", { methods: { find: undefined } }],
    ["two of one name", { methods: { find, again: find } }],
    ["a name that is too long with the version", { methods: { find: method("x".repeat(120)) } }],
    ["an option that does not exist", { method: find }],
  ])("%s is refused", (_, change) => {
    expect(refused(change)).not.toBe("");
  });

  test.each(["notify", "subscribe", "then", "constructor", "toString", "hasOwnProperty", "", "1a", "a-b", "a b", "é", "x".repeat(65)])(
    "a method cannot be called '%s'",
    (key) => expect(refused({ methods: { [key]: find } })).toContain("called by names"),
  );

  test("the key __proto__ is refused, and pollutes nothing", () => {
    expect(refused({ methods: JSON.parse('{"__proto__": 1}') as object })).toContain("called by names");
    expect(({} as { kind?: string }).kind).toBeUndefined();
  });

  test("has at most 256 methods", () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, method(`m${index}`)]));
    expect(Object.keys(contract({ name: "many", version: 1, methods: many(256) }).methods)).toHaveLength(256);
    expect(refused({ methods: many(257) })).toContain("256");
  });
});
