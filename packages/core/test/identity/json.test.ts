import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTightbeamError } from "../../src/errors.js";
import { parseJsonObject } from "../../src/identity/json.js";

describe("parseJsonObject", () => {
  it.each([
    ["a member twice", '{"a":1,"a":2}'],
    ["a member twice, spelled with an escape", '{"alg":1,"\\u0061lg":2}'],
    ["a member twice, deep", '{"a":[{"b":{"c":1,"c":1}}]}'],
    ["a member twice around an object", '{"a":{"b":1},"a":2}'],
    ["a member twice, with spaces", '{"a" : 1,\n"a"\t: 2}'],
    ["a member twice, with members of its own", '{"a":{"b":1,"c":2},"a":{}}'],
    ["a member twice, colons in its texts", '{"a":"::","a":"\\":"}'],
    ["__proto__", '{"__proto__":{"x":1}}'],
    ["__proto__ escaped", '{"\\u005f_proto__":1}'],
    ["an array", "[]"],
    ["null", "null"],
    ["a number", "1"],
    ["nothing", ""],
    ["trailing text", "{} x"],
    ["two objects", "{}{}"],
    ["a byte order mark", "\ufeff{}"],
    ["an open string", '{"a'],
    ["an open object", '{"a":1'],
    ["NaN", '{"a":NaN}'],
    ["33 levels", `{"a":${"[".repeat(32)}${"]".repeat(32)}}`],
    ["100,000 levels", `${'{"a":'.repeat(100_000)}`],
    ["5,000 members", `{${Array.from({ length: 5_000 }, (_, i) => `"${i}":1`).join()}}`],
  ])("refuses %s", (_, text) => {
    expect(() => parseJsonObject(text)).toThrow(expect.objectContaining({ code: "malformed" }));
  });

  it("takes the same names in different objects, and texts that look like names", () => {
    expect(parseJsonObject('{"a":{"a":1},"b":[{"a":1},{"a":"a\\":\\"a"}]}')).toEqual({ a: { a: 1 }, b: [{ a: 1 }, { a: 'a":"a' }] });
  });

  it("agrees with JSON.parse on every object it takes, and takes every object without duplicates", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        const text = JSON.stringify(value);
        if (text.includes("__proto__")) return;
        expect(parseJsonObject(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("finds every duplicate, wherever it stands", () => {
    const name = fc.constantFrom("a", "b", ":", '\\"', "\\u0061");
    const tree = fc.letrec<{ value: { text: string; twice: boolean } }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom({ text: "1", twice: false }, { text: '":"', twice: false }, { text: "[]", twice: false }),
        fc.array(fc.tuple(name, tie("value")), { maxLength: 4 }).map((members) => ({
          text: `{${members.map(([key, { text }]) => `"${key}":${text}`).join()}}`,
          twice: new Set(members.map(([key]) => key.replace("\\u0061", "a"))).size < members.length || members.some(([, { twice }]) => twice),
        })),
      ),
    })).value;
    fc.assert(
      fc.property(tree, ({ text, twice }) => {
        const parse = () => parseJsonObject(`{"top":${text}}`);
        if (twice) expect(parse).toThrow(expect.objectContaining({ code: "malformed" }));
        else expect(parse()).toEqual(JSON.parse(`{"top":${text}}`));
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes 64 KiB of quotes, escapes and brackets without effort", () => {
    const started = performance.now();
    for (const text of [
      `{"a":"${'\\"'.repeat(32_000)}"}`,
      `{"a":"${'\\"'.repeat(32_000)}`,
      `${'"'.repeat(65_536)}`,
      `{"a":${"[".repeat(32_000)}${"]".repeat(32_000)}}`,
    ])
      try {
        parseJsonObject(text);
      } catch {
        // Refused is as good.
      }
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("gives a value or `malformed` for any text", () => {
    const fragments = fc
      .array(fc.constantFrom("{", "}", "[", "]", '"', ":", ",", "\\", "a", '"a":', "1", " ", "null", "\\u00"), { maxLength: 40 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fragments), (text) => {
        try {
          parseJsonObject(text);
        } catch (error) {
          expect(isTightbeamError(error) && error.code).toBe("malformed");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
