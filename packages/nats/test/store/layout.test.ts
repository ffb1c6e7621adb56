import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLayout } from "../../src/store/layout.js";

const key = fc.stringMatching(/^[A-Za-z0-9_/-]{1,256}$/);

describe("the layout of a bucket", () => {
  it("TM-183: has one subject for every key, without wildcards or empty tokens, and one key for every such subject", () => {
    const layout = createLayout("b");
    fc.assert(
      fc.property(key, (each) => {
        const subject = layout.dataOf(each);
        expect(subject).toMatch(/^\$KV\.b\.data(?:\.(?:=|[A-Za-z0-9_-]+))+$/);
        expect(layout.keyOf(subject)).toBe(each);
      }),
    );
    expect(layout.dataOf("a//b/")).toBe("$KV.b.data.a.=.b.=");
  });

  it.each(["$KV.b.lock", "$KV.b.log.1", "$KV.b.data.", "$KV.b.data.a b", "$KV.b.data.a=", `$KV.b.data.${"x".repeat(257)}`, "$KV.c.data.a"])(
    "knows no key for %j",
    (subject) => {
      expect(createLayout("b").keyOf(subject)).toBeUndefined();
    },
  );

  it.each(["", "a.b", "a b", "../x", "a/b", ">", "*", "a\r\nPUB x", "x".repeat(65), 7])("takes no name %j", (name) => {
    expect(() => createLayout(name as string)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});
