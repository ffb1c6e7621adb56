import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { permits } from "../../src/identity/index.js";
import { checkPermissions, isPermission } from "../../src/identity/permissions.js";

describe("permits", () => {
  it.each([
    [["call:summarize"], "call:summarize", true],
    [["call:summarize"], "call:summarise", false],
    [["call:summarize"], "call:summarize:now", false],
    [["call:*"], "call:summarize", true],
    [["call:*"], "call:docs:find", true],
    [["call:*"], "call", false],
    [["call:*"], "caller:x", false],
    [["call:docs:*"], "call:docs:find", true],
    [["call:docs:*"], "call:docs", false],
    [["call:docs:*"], "call:docsx:find", false],
    [["call:sum*"], "call:summarize", false],
    [["call:*:x"], "call:a:x", false],
    [["*"], "call:summarize", false],
    [["*:*"], "call:summarize", false],
    [[""], "", false],
    [[":*"], ":x", false],
    [["call:*"], "call:*", false],
    [["call:*"], "call:", false],
    [["call:*"], "call:a b", false],
    [["call:*"], "call:a\n", false],
    [["call:*"], `call:${"x".repeat(300)}`, false],
    [["call:a b"], "call:a b", false],
    [[], "call:summarize", false],
    [["publish:a", "call:b"], "call:b", true],
  ] as const)("%j for %s: %s", (granted, wanted, expected) => {
    expect(permits(granted, wanted)).toBe(expected);
  });

  it("grants only what is equal or under a star, for any text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom("a", "b", ":", "*", " ") })),
        fc.string({ unit: fc.constantFrom("a", "b", ":", "*", " ") }),
        (granted, wanted) => {
          const covered = granted.some((one) => one === wanted || (one.endsWith(":*") && wanted.startsWith(one.slice(0, -1)) && wanted.length >= one.length));
          if (permits(granted, wanted)) expect(covered && isPermission(wanted)).toBe(true);
        },
      ),
    );
  });

  it("is linear: a long list and long hostile texts cost little", () => {
    const hostile = Array.from({ length: 256 }, () => `${"a:".repeat(5_000)}*`);
    const started = performance.now();
    for (let i = 0; i < 100; i++) permits(hostile, `${"a:".repeat(127)}a`);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it("checks what an authority is asked to grant", () => {
    expect(checkPermissions(["call:*"])).toEqual(["call:*"]);
    expect(() => checkPermissions(["call:search.*"])).toThrow(
      /no 'call:search.\*'. For all of a contract name each of its methods, or grant 'call:\*' and let the agents decide/,
    );
    for (const bad of [["*"], ["call: x"], [1], "call:*", Array.from({ length: 257 }, () => "a")])
      expect(() => checkPermissions(bad as string[])).toThrow(/Permissions/);
  });
});
