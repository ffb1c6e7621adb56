import fc from "fast-check";
import { expect, test } from "vitest";
import { formatRoute, parseRoute, tokenOf, viewNames } from "../../src/page/route.js";

test("a route goes to its address and back", () => {
  fc.assert(
    fc.property(fc.constantFrom(...viewNames), fc.option(fc.string({ minLength: 1, unit: "grapheme" }), { nil: undefined }), (view, item) => {
      expect(parseRoute(formatRoute(view, item))).toEqual({ view, item });
    }),
  );
});

test("what is no view is the overview", () => {
  for (const hash of ["", "#", "#/", "#/__proto__", "#/constructor", "#/messages2", "#token=x", "#/MESSAGES", "javascript:alert(1)"])
    expect(parseRoute(hash)).toEqual({ view: "overview", item: undefined });
  expect(parseRoute("#/traces/%")).toEqual({ view: "traces", item: undefined });
});

test("a token is 64 hexadecimal characters", () => {
  const token = "0123456789abcdef".repeat(4);
  expect(tokenOf(`#token=${token}`)).toBe(token);
  for (const hash of ["", "#token=", `#token=${token}0`, `#token=${token.slice(1)}G`, `?token=${token}`, `#/token=${token}`])
    expect(tokenOf(hash)).toBeUndefined();
});
