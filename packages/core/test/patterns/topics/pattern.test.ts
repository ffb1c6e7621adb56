import { expect, test } from "vitest";
import { compile, topicPattern } from "../../../src/patterns/topics/pattern.js";

test.each([
  ["a", "a", true],
  ["a", "a.b", false],
  ["a.*", "a.b", true],
  ["a.*", "a", false],
  ["a.*", "a.b.c", false],
  ["a.*", "a/b", false],
  ["a/*", "a/b", true],
  ["*", "a", true],
  ["*", "a.b", false],
  ["*.b", "a.b", true],
  ["*.b", "a/b", false],
  ["*/b.*", "a/b.c", true],
  [">", "a", true],
  [">", "a.b/c", true],
  ["a.>", "a", false],
  ["a.>", "a.b", true],
  ["a.>", "a.b/c.d", true],
  ["a.>", "ab.c", false],
  ["a.*.c", "a.b.c", true],
  ["a.*.c", "a.b.cd", false],
  ["ab.*", "a.b", false],
])("%s is for %s: %s", (pattern, topic, expected) => expect(topicPattern(pattern).matches(topic)).toBe(expected));

test.each([
  "",
  "a b",
  "a\r\nb",
  "a\0",
  "a.",
  ".a",
  "a..b",
  "a.>.b",
  ">.a",
  ">>",
  "a>",
  "a*",
  "*a",
  "a.**",
  "*.",
  "tb/>",
  "tb/hello",
  "$SYS.>",
  "ä.*",
  "constructor.>\n",
])("%j is no pattern, and says what one is", (text) => expect(() => topicPattern(text)).toThrowError(/topic/));

test.each([undefined, null, 5, {}, [">"], { toString: () => ">" }])("%s is no pattern", (text) => {
  expect(() => topicPattern(text as string)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
});

test("TM-124: matching is linear in pattern and topic: *.*.* of 1,000 tokens, and what nearly matches, at once", () => {
  const segments = (each: string, count: number): string => Array.from({ length: count }, () => each).join(".");
  const pattern = compile(segments("*", 1_000));
  const costOf = (length: number): number => {
    let reads = 0;
    const counted = new Proxy(Object(`${segments("a", length)}!`) as object, {
      get(target, name) {
        if (typeof name === "string" && /^\d+$/.test(name)) reads++;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    compile(segments("*", length)).matches(counted as unknown as string);
    return reads;
  };
  expect(pattern.matches(segments("a", 1_000))).toBe(true);
  expect(pattern.matches(`${segments("a", 1_000)}.b`)).toBe(false);
  expect(pattern.matches(segments("a", 999))).toBe(false);
  // Three looks at each character at the most.
  for (const length of [10, 100, 1_000]) expect(costOf(length)).toBeLessThanOrEqual(6 * length);
  expect(() => topicPattern(segments("*", 1_000))).toThrowError(/128/);
});
