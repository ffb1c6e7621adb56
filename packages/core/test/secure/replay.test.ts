import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReplayWindow } from "../../src/secure/replay.js";

const windowSize = 4_064;

/** The plain version: remembers everything. */
function model() {
  const seen = new Set<number>();
  let last = -1;
  return {
    fresh: (counter: number): boolean => counter > last || (last - counter < windowSize && !seen.has(counter)),
    accept(counter: number): void {
      seen.add(counter);
      last = Math.max(last, counter);
    },
  };
}

describe("TM-20 the replay window accepts each counter once (RFC 6479)", () => {
  it("behaves like remembering everything, for any order of counters", () => {
    const step = fc.oneof(fc.nat(65_535), fc.nat(200), fc.constantFrom(0, 31, 32, 33, 4_063, 4_064, 4_065, 4_095, 4_096, 4_097, 65_535));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.array(fc.integer({ min: -5_000, max: 200 }), { maxLength: 300 }), (jumps, moves) => {
        const window = createReplayWindow();
        const plain = model();
        const tryOne = (counter: number): void => {
          const fresh = window.fresh(counter);
          expect(fresh).toBe(plain.fresh(counter));
          if (!fresh) return;
          window.accept(counter);
          plain.accept(counter);
          expect(window.fresh(counter)).toBe(false);
        };
        for (const counter of jumps) tryOne(counter);
        let at = 30_000;
        for (const move of moves) {
          at = Math.min(65_535, Math.max(0, at + move));
          tryOne(at);
        }
      }),
      { numRuns: 300 },
    );
  });
  it("asking changes nothing", () => {
    const window = createReplayWindow();
    for (let i = 0; i < 3; i++) expect(window.fresh(9)).toBe(true);
  });
  it("is exactly 4,064 counters wide", () => {
    const window = createReplayWindow();
    window.accept(10_000);
    expect(window.fresh(10_000 - 4_063)).toBe(true);
    expect(window.fresh(10_000 - 4_064)).toBe(false);
  });
  it("forgets nothing inside the window when it slides by one block at a time", () => {
    const window = createReplayWindow();
    for (let counter = 0; counter < 65_536; counter++) {
      expect(window.fresh(counter)).toBe(true);
      window.accept(counter);
    }
    for (let counter = 65_535; counter > 65_535 - windowSize; counter--) expect(window.fresh(counter)).toBe(false);
  });
});
