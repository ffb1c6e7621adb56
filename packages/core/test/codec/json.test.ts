import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeJson, encodeJson } from "../../src/codec/json.js";
import { isTightbeamError, type TightbeamError } from "../../src/errors.js";
import * as limits from "../../src/limits.js";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const decode = (json: string): unknown => decodeJson(utf8(json), limits);

function thrown(run: () => unknown): TightbeamError {
  try {
    run();
  } catch (error) {
    if (isTightbeamError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const cycle: { self?: unknown; list?: unknown[] } = {};
cycle.self = { list: [cycle] };
class Point {
  x = 1;
}

describe("what JSON payloads hold", () => {
  const values: unknown[] = [
    null,
    true,
    false,
    0,
    -1.5e-7,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    2 ** 53,
    "",
    "plain",
    'quotes " and \\ and \n and \u0000',
    "é ü 漢 😀",
    "😀".repeat(50),
    [],
    {},
    [[], {}],
    { constructor: 1, prototype: { toString: 2 }, hasOwnProperty: null, "": 3 },
    { a: [1, { b: "c" }], d: { e: null } },
    Object.assign(Object.create(null), { bare: true }),
    nested(64),
  ];
  test.each(values.map((value) => [JSON.stringify(value).slice(0, 40), value] as const))("%s travels unchanged", (_, value) => {
    const encoded = encodeJson(value);
    expect(encoded.kind).toBe("json");
    expect(text(encoded.bytes)).toBe(JSON.stringify(value));
    expect(decodeJson(encoded.bytes, limits)).toEqual(value);
  });

  test("a property that is undefined is left out, as in JSON", () => {
    expect(text(encodeJson({ a: undefined, b: 1, c: undefined }).bytes)).toBe('{"b":1}');
    expect(text(encodeJson({ a: undefined }).bytes)).toBe("{}");
  });

  test("one value twice is no cycle", () => {
    const shared = { x: 1 };
    expect(text(encodeJson([shared, { again: shared }]).bytes)).toBe('[{"x":1},{"again":{"x":1}}]');
  });

  test("each property is read once, so a getter cannot say one thing to the check and another to the writer", () => {
    let reads = 0;
    const value = {
      get once() {
        return ++reads === 1 ? "first" : Number.NaN;
      },
    };
    expect(text(encodeJson(value).bytes)).toBe('{"once":"first"}');
    expect(reads).toBe(1);
  });

  test("what happens to the value afterwards is not seen", () => {
    const value = { list: [1] };
    const { bytes } = encodeJson(value);
    value.list.push(2);
    expect(text(bytes)).toBe('{"list":[1]}');
  });
});

describe("what cannot be sent is refused with its path", () => {
  const cases: { name: string; value: unknown; says: RegExp }[] = [
    { name: "undefined", value: undefined, says: /^payload is undefined/ },
    { name: "undefined in an array", value: { a: [1, undefined] }, says: /^payload\.a\[1\] is undefined/ },
    { name: "hole in an array", value: Object.assign([], { 0: 1, 2: 3, length: 3 }), says: /^payload\[1\] is undefined/ },
    { name: "NaN", value: { deep: [{ n: Number.NaN }] }, says: /^payload\.deep\[0\]\.n is NaN or infinite/ },
    { name: "Infinity", value: [Number.NEGATIVE_INFINITY], says: /^payload\[0\] is NaN or infinite/ },
    { name: "bigint", value: { n: 10n }, says: /^payload\.n is a bigint/ },
    { name: "function", value: { f: () => 1 }, says: /^payload\.f is a function/ },
    { name: "symbol", value: [Symbol("s")], says: /^payload\[0\] is a symbol/ },
    { name: "cycle", value: cycle, says: /^payload\.self\.list\[0\]\.self.* belongs to a cycle/ },
    { name: "Date", value: { at: new Date(0) }, says: /^payload\.at is not a plain object/ },
    { name: "Map", value: new Map(), says: /^payload is not a plain object/ },
    { name: "Error", value: [new Error("x")], says: /^payload\[0\] is not a plain object/ },
    { name: "class instance", value: { point: new Point() }, says: /^payload\.point is not a plain object/ },
    { name: "boxed string", value: [Object("boxed")], says: /^payload\[0\] is not a plain object/ },
    { name: "boxed number", value: Object(1), says: /^payload is not a plain object/ },
    { name: "promise", value: { p: Promise.resolve(1) }, says: /^payload\.p is not a plain object/ },
    { name: "typed array inside", value: { data: new Uint8Array(3) }, says: /^payload\.data is a view of bytes/ },
    { name: "typed array of numbers", value: new Uint16Array(3), says: /^payload is a view of bytes: bytes travel as a Uint8Array/ },
    { name: "buffer", value: [new ArrayBuffer(3)], says: /^payload\[0\] is a buffer: bytes travel as a Uint8Array/ },
    { name: "own toJSON", value: { toJSON: () => 1 }, says: /^payload\.toJSON is a function/ },
    { name: "lone surrogate", value: { s: "a\ud800" }, says: /^payload\.s holds a lone surrogate/ },
    { name: "lone surrogate in a long text", value: { s: `${"a".repeat(100)}\udc00` }, says: /^payload\.s holds a lone surrogate/ },
    { name: "lone surrogate in a key", value: { "\ud800": 1 }, says: /^payload\.\? holds a lone surrogate/ },
    { name: "own __proto__ key", value: JSON.parse('{"a":{"__proto__":1}}'), says: /^payload\.a\.__proto__ is a key/ },
    { name: "65 levels", value: nested(65), says: /is nested deeper than 64 levels/ },
    {
      name: "getter that throws",
      value: {
        a: {
          get b() {
            throw new Error("hunter2");
          },
        },
      },
      says: /^payload\.a\.b threw while it was read/,
    },
    {
      name: "proxy that throws",
      value: [
        new Proxy(
          {},
          {
            ownKeys() {
              throw new TypeError("hunter2");
            },
          },
        ),
      ],
      says: /^payload\[0\] threw/,
    },
  ];
  test.each(cases)("$name", ({ value, says }) => {
    const error = thrown(() => encodeJson(value));
    expect(error.code).toBe("not_serialisable");
    expect(error.message).toMatch(says);
    expect(error.message).not.toContain("hunter2");
  });

  test("more bytes or keys than the receiver takes, without walking on", () => {
    expect(thrown(() => encodeJson("x".repeat(2 ** 21))).code).toBe("too_large");
    expect(thrown(() => encodeJson(Array(10_001).fill({ k: 1 }))).code).toBe("too_large");
    expect(thrown(() => encodeJson(Array(100_000).fill([]))).message).toMatch(/more than 100000 objects and arrays/);
    expect(thrown(() => encodeJson("é".repeat(600_000))).code).toBe("too_large");
  });

  test("shared references that would unfold to 2^60 values end at the size cap", () => {
    let bomb: unknown = ["x"];
    for (let i = 0; i < 60; i++) bomb = [bomb, bomb];
    expect(thrown(() => encodeJson(bomb)).code).toBe("too_large");
  });

  test("paths are short and printable whatever the keys are", () => {
    const error = thrown(() => encodeJson({ [`\u001b[31m\n${"k".repeat(10_000)}`]: { a: Number.NaN } }));
    expect(error.message.length).toBeLessThan(200);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must be absent
    expect(error.message).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe("what comes in", () => {
  const refused: { name: string; json: string | Uint8Array; says: RegExp; code?: string }[] = [
    { name: "nothing", json: "", says: /is not JSON/ },
    { name: "100,000 levels of arrays", json: "[".repeat(100_000), says: /nested deeper than 64 levels at byte 64/ },
    { name: "100,000 levels of objects", json: '{"a":'.repeat(100_000), says: /nested deeper than 64 levels/ },
    { name: "65 levels", json: "[".repeat(65) + "]".repeat(65), says: /deeper/ },
    { name: "10,001 keys", json: `[${Array(10_001).fill('{"a":1}').join()}]`, says: /more than 10000 keys/ },
    { name: "100,001 containers", json: `[${"[],".repeat(100_000)}0]`, says: /more than 100000 objects and arrays/ },
    { name: "limit + 1 bytes", json: `"${"x".repeat(limits.jsonMaxBytes - 1)}"`, says: /1048577 bytes, the limit here is 1048576/, code: "too_large" },
    { name: "__proto__", json: '{"__proto__":{"polluted":1}}', says: /forbidden key __proto__ at byte 2/ },
    { name: "__proto__ before whitespace", json: '{"a":[{"__proto__" \n:1}]}', says: /forbidden key/ },
    { name: "__proto__ with escapes", json: '{"\\u005f_pro\\u0074o__":{}}', says: /forbidden key/ },
    { name: "__proto__ all escaped, upper case", json: '{"\\u005F\\u005F\\u0070\\u0072\\u006F\\u0074\\u006F\\u005F\\u005F":{}}', says: /forbidden key/ },
    { name: "1e999", json: '{"a":[1,1e999]}', says: /beyond the range of a double at payload\.a\[1\]/ },
    { name: "-1E+400", json: "-1E+400", says: /beyond the range/ },
    { name: "400 digits", json: "9".repeat(400), says: /beyond the range/ },
    { name: "a million digits", json: "9".repeat(1_000_000), says: /beyond the range/ },
    { name: "NaN", json: "[NaN]", says: /is not JSON/ },
    { name: "escaped lone high surrogate", json: '"\\ud800"', says: /lone surrogate at byte 1/ },
    { name: "escaped lone low surrogate", json: '"a\\uDC00"', says: /lone surrogate at byte 2/ },
    { name: "escaped high before something else", json: '"\\ud800\\u0041"', says: /lone surrogate/ },
    { name: "escaped high before a high", json: '"\\ud800\\ud800"', says: /lone surrogate/ },
    { name: "lone surrogate in a key", json: '{"\\ud801":1}', says: /lone surrogate/ },
    { name: "broken escape", json: '"\\u12g4"', says: /broken escape/ },
    { name: "unknown escape", json: '"\\x"', says: /is not JSON/ },
    { name: "unfinished string", json: '{"abc', says: /ends inside a string/ },
    { name: "unfinished escape", json: '"\\', says: /ends inside a string/ },
    { name: "raw control character", json: '"\u0000"', says: /is not JSON/ },
    { name: "byte order mark", json: new Uint8Array([0xef, 0xbb, 0xbf, 0x31]), says: /is not JSON/ },
    { name: "overlong slash", json: new Uint8Array([0x22, 0xc0, 0xaf, 0x22]), says: /not well-formed UTF-8/ },
    { name: "0xff", json: new Uint8Array([0x22, 0xff, 0x22]), says: /not well-formed UTF-8/ },
    { name: "surrogate as UTF-8", json: new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), says: /not well-formed UTF-8/ },
    { name: "two values", json: "{}{}", says: /is not JSON/ },
    { name: "trailing comma", json: "[1,]", says: /is not JSON/ },
    { name: "secret in bad syntax", json: "hunter2", says: /is not JSON/ },
  ];
  test.each(refused)("$name is refused", ({ json, says, code = "invalid_envelope" }) => {
    const bytes = typeof json === "string" ? utf8(json) : json;
    const error = thrown(() => decodeJson(bytes, limits));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(says);
    expect(error.message.length).toBeLessThan(160);
    expect(`${error.message}${String(error.cause)}`).not.toContain("hunter2");
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(decode('{"after":[1]}')).toEqual({ after: [1] });
  });

  const taken: [string, unknown][] = [
    ['"__proto__"', "__proto__"],
    ['["__proto__"]', ["__proto__"]],
    ['{"a":"__proto__","b":1}', { a: "__proto__", b: 1 }],
    ['{"__proto":1,"__proto__x":2}', { __proto: 1, __proto__x: 2 }],
    ['"\\ud83d\\ude00"', "😀"],
    ['"\\uD83D\\uDE00 \\\\ud800"', "😀 \\ud800"],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["0e999", 0],
    ["1e-999", 0],
    ["-0", -0],
    [' \n{ "a" : [ 1 , 2 ] } ', { a: [1, 2] }],
    ['{"a:b":"[{","c":"\\"}"}', { "a:b": "[{", c: '"}' }],
  ];
  test.each(taken)("%s is taken", (json, value) => expect(decode(json)).toEqual(value));

  test("exactly the limits: bytes, depth and keys", () => {
    expect(decode(`"${"x".repeat(limits.jsonMaxBytes - 2)}"`)).toHaveLength(limits.jsonMaxBytes - 2);
    expect(decode("[".repeat(64) + "]".repeat(64))).toEqual(nested(64));
    expect(decode(`[${Array(10_000).fill('{"a":1}').join()}]`)).toHaveLength(10_000);
  });

  test("TM-71 constructor, prototype and toString are ordinary own keys and touch no prototype", () => {
    const value = decode('{"constructor":{"prototype":{"polluted":1}},"toString":{"polluted":1}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["constructor", "toString"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe("properties", () => {
  const json = fc.jsonValue({ maxDepth: 6 }).filter((value) => !JSON.stringify(value).includes("__proto__"));

  test("the writer agrees with JSON.stringify, and the reader takes what it wrote", () => {
    fc.assert(
      fc.property(json, (value) => {
        const { bytes } = encodeJson(value);
        expect(text(bytes)).toBe(JSON.stringify(value));
        expect(JSON.stringify(decodeJson(bytes, limits))).toBe(JSON.stringify(value));
      }),
      { numRuns: 300 },
    );
  });

  test("the reader agrees with JSON.parse wherever it takes a text", () => {
    const pieces = fc.array(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        '"',
        ":",
        ",",
        "\\",
        "u",
        "d800",
        "dc00",
        "__proto__",
        "a",
        "1",
        "e",
        "9",
        "-",
        ".",
        " ",
        "true",
        "null",
        "é",
        '"a":',
        "\\u005f",
      ),
      { maxLength: 24 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const source = parts.join("");
        let value: unknown;
        try {
          value = decode(source);
        } catch (error) {
          expect(isTightbeamError(error) && error.code).toBe("invalid_envelope");
          return;
        }
        expect(value).toEqual(JSON.parse(source));
      }),
      { numRuns: 2_000 },
    );
  });

  test("TM-70 any bytes give a value or invalid_envelope", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeJson(bytes, limits);
        } catch (error) {
          expect(isTightbeamError(error) && error.code).toBe("invalid_envelope");
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("any value is written or refused as not_serialisable", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withBoxedValues: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withNullPrototype: true,
          withSparseArray: true,
        }),
        (value) => {
          let bytes: Uint8Array;
          try {
            bytes = encodeJson(value).bytes;
          } catch (error) {
            expect(isTightbeamError(error) && error.code).toBe("not_serialisable");
            return;
          }
          decodeJson(bytes, limits);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  const megabyte = (piece: string): string => piece.repeat(Math.floor((limits.jsonMaxBytes - 16) / piece.length));
  test.each([
    ["open brackets", megabyte("[")],
    ["empty arrays", `[${megabyte("[],")}0]`],
    ["empty objects", `[${megabyte("{},")}0]`],
    ["numbers", `[${megabyte("1,")}0]`],
    ["large exponents", `[${megabyte("0e309,")}0]`],
    ["one number", megabyte("9")],
    ["escapes", `"${megabyte("\\u0041")}"`],
    ["backslashes", `"${megabyte("\\\\")}"`],
    ["colons", megabyte(":")],
    ["quotes", megabyte('"')],
    ["empty strings", `[${megabyte('"",')}0]`],
    ["distinct keys", `{${Array.from({ length: 9_999 }, (_, i) => `"${i * 7919}${"k".repeat(90)}":0`).join()}}`],
    ["two-byte text", `"${"é".repeat(limits.jsonMaxBytes / 2 - 1)}"`],
  ])("1 MiB of %s is settled quickly", (_, source) => {
    const bytes = utf8(source);
    expect(bytes.length).toBeLessThanOrEqual(limits.jsonMaxBytes);
    // The best of three against a generous bound: a guard against hanging, the bar is 50 ms on a quiet machine.
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3; round++) {
      const begin = performance.now();
      try {
        decodeJson(bytes, limits);
      } catch (error) {
        expect(isTightbeamError(error)).toBe(true);
      }
      best = Math.min(best, performance.now() - begin);
    }
    expect(best).toBeLessThan(500);
  });
});
