import fc from "fast-check";
import { expect, test } from "vitest";
import { shown } from "../../../src/page/model/shown.js";

test("what hides or turns text around becomes a sign; anything else stays (TM-240)", () => {
  expect(shown("pay\u202Etxt.exe")).toBe("pay\uFFFDtxt.exe");
  expect(shown("a\u200Bb\u0000c\nd")).toBe("a\uFFFDb\uFFFDc\uFFFDd");
  expect(shown("Grüße.αβγ/日本語 <b>&amp;")).toBe("Grüße.αβγ/日本語 <b>&amp;");
  // Letters of tags, fillers and variation selectors are drawn as nothing.
  expect(shown("ops\u{E0061}\u3164\uFE0F\u180E\u2800x\uD800")).toBe(`ops${"\uFFFD".repeat(5)}x\uFFFD`);
  expect(shown("")).toBe("(empty)");
});

test("no longer than 200 characters and a sign for the rest, one line, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 }), (units) => {
      const text = String.fromCharCode(...units);
      const result = shown(text);
      expect(result.length).toBeLessThanOrEqual(201);
      expect(result).not.toMatch(/[\n\r\u2028\u202A-\u202E\u2066-\u2069]/);
      expect(shown(result)).toBe(result);
    }),
  );
});
