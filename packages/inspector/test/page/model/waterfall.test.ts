import fc from "fast-check";
import { expect, test } from "vitest";
import type { SpanView } from "../../../src/feed/requests.js";
import { depthMost, layOut } from "../../../src/page/model/waterfall.js";

const span = (given: Partial<SpanView> & { readonly id: string }): SpanView => ({
  agent: "a/1",
  peer: "b/1",
  side: "sender",
  type: "request",
  name: "search",
  message: given.id,
  at: 0,
  duration: 1,
  stages: [],
  ...given,
});

test("children stand below their parents, in the order of their beginning, where and as long as they were", () => {
  const { rows, start, total, failed } = layOut([
    span({ id: "root", at: 100, duration: 100 }),
    span({ id: "late", parent: "root", at: 160, duration: 20, code: "timeout" }),
    span({ id: "early", parent: "root", at: 120, duration: 30, stages: [{ what: "sent", at: 125 }] }),
    span({ id: "inner", parent: "early", at: 130, duration: 10 }),
  ]);
  expect(rows.map(({ span: { id }, depth, left, width }) => [id, depth, left, width])).toEqual([
    ["root", 0, 0, 1],
    ["early", 1, 0.2, 0.3],
    ["inner", 2, 0.3, 0.1],
    ["late", 1, 0.6, 0.2],
  ]);
  expect(rows[1]?.stages).toEqual([{ what: "sent", left: 0.25, offset: 25 }]);
  expect([start, total, failed]).toEqual([100, 100, 1]);
});

test("a span that goes on reaches to the end; no span is no waterfall", () => {
  const { duration: _, ...open } = span({ id: "open", at: 5 });
  expect(layOut([span({ id: "a", duration: 10 }), open]).rows[1]).toMatchObject({ left: 0.5, width: 0.5 });
  expect(layOut([])).toEqual({ rows: [], start: 0, total: 0, failed: 0 });
});

test("whatever parents and times are claimed: each span once, all within the picture", () => {
  const name = fc.integer({ min: 0, max: 8 }).map(String);
  const any = fc.record({
    id: name,
    parent: fc.option(name, { nil: undefined }),
    at: fc.integer({ min: -50, max: 50 }),
    duration: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 40 }), (given) => {
      const spans = given.map(({ id, parent, at, duration }) => {
        const { duration: _, ...rest } = span({ id, at });
        return { ...rest, ...(parent === undefined ? {} : { parent }), ...(duration === undefined ? {} : { duration }) };
      });
      const { rows } = layOut(spans);
      expect(new Set(rows.map((row) => row.span))).toEqual(new Set(spans));
      expect(rows).toHaveLength(spans.length);
      for (const { left, width, depth } of rows) {
        expect(Math.min(left, width)).toBeGreaterThanOrEqual(0);
        expect(left + width).toBeLessThanOrEqual(1 + 1e-9);
        expect(depth).toBeLessThanOrEqual(depthMost);
      }
    }),
  );
});

test("a chain of 500 spans is laid out, and no deeper than can be shown", () => {
  const chain = Array.from({ length: 500 }, (_, index) => span({ id: String(index), parent: String(index - 1), at: index }));
  expect(layOut(chain).rows.at(-1)?.depth).toBe(depthMost);
});
