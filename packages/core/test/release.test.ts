import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { release, releaseFrame, takesBuffer, unfilled } from "../src/release.js";

describe("release", () => {
  it("frees an array that is all of its buffer, at once", () => {
    const bytes = new Uint8Array(65_536).fill(7);
    release(bytes);
    expect(bytes.length).toBe(0);
    expect(bytes.buffer.byteLength).toBe(0);
    expect(() => release(bytes)).not.toThrow();
  });

  it("leaves small arrays and views alone: others may lie in their buffer", () => {
    const small = new Uint8Array(4_095).fill(7);
    release(small);
    expect(small.length).toBe(4_095);
    const around = new Uint8Array(65_536).fill(7);
    for (const view of [around.subarray(1), around.subarray(0, 65_535)]) {
      release(view);
      expect(view[0]).toBe(7);
    }
    const pooled = Buffer.from("x".repeat(1_000));
    release(pooled);
    expect(pooled.toString()).toBe("x".repeat(1_000));
  });

  it("gives the memory back without a collection", () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 200; i++) release(new Uint8Array(1024 * 1024));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe("a frame that takes its buffer with it", () => {
  it.each([
    [0, 0, true],
    [7, 0, true],
    [512, 0, true],
    [513, 0, false],
    [0, 1, false],
    [7, 1, false],
  ])("with %i bytes in front and %i behind: %s", (front, behind, freed) => {
    const buffer = new Uint8Array(front + 65_536 + behind).fill(7);
    const frame = buffer.subarray(front, front + 65_536);
    expect(takesBuffer(frame)).toBe(freed);
    releaseFrame(frame);
    expect(buffer.length === 0).toBe(freed);
  });
});

describe("unfilled", () => {
  it("is an array of its own of exactly the length asked for", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), (length) => {
        const bytes = unfilled(length);
        expect([bytes.constructor, bytes.length, bytes.byteOffset, bytes.buffer.byteLength]).toEqual([Uint8Array, length, 0, length]);
      }),
      { numRuns: 50 },
    );
  });
});
