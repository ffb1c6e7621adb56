import { constants, PerformanceObserver } from "node:perf_hooks";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countGarbage, pooled, release, releaseFrame, releaseReceived, takesBuffer, unfilled } from "../src/release.js";

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

  it("does not ask a small array for its buffer: V8 would make one, with memory of its own", () => {
    const asked = {
      byteLength: 8,
      get buffer(): ArrayBuffer {
        throw new Error("asked");
      },
    };
    expect(() => release(asked as Uint8Array)).not.toThrow();
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

describe("the collector of V8", () => {
  /** Collections of young objects while frames of this size are done with, `count` times. */
  async function youngCollections(count: number, made: () => void): Promise<number> {
    let seen = 0;
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
        if (kind === constants.NODE_PERFORMANCE_GC_MINOR) seen += 1;
      }
    });
    observer.observe({ entryTypes: ["gc"] });
    for (let i = 0; i < count; i++) made();
    await new Promise((resolve) => setTimeout(resolve, 50));
    observer.disconnect();
    return seen;
  }

  // It does not take its buffer with it: nothing is freed, and nothing else is allocated.
  const frameOf = (size: number): Uint8Array => new Uint8Array(size + 1).subarray(0, size);

  it("is brought to its cheap collection by large frames, of which other things are left that nobody can free", async () => {
    const frame = frameOf(64 * 1024);
    expect(await youngCollections(4 * 1024, () => releaseReceived(frame))).toBeGreaterThanOrEqual(4);
  });

  it("and by what a transport says that the library below it left of one", async () => {
    expect(await youngCollections(4 * 1024, () => countGarbage(64 * 1024))).toBeGreaterThanOrEqual(4);
  });

  it("is left alone by small ones", async () => {
    const frame = frameOf(32 * 1024 - 1);
    expect(await youngCollections(8 * 1024, () => releaseReceived(frame))).toBeLessThanOrEqual(1);
    expect(await youngCollections(8 * 1024, () => countGarbage(32 * 1024 - 1))).toBeLessThanOrEqual(1);
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

describe("pooled", () => {
  it("has exactly the length asked for, shares its bytes with no other, and is never taken for one that owns its buffer where it does not", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 10_000 }), { maxLength: 20 }), (lengths) => {
        const all = lengths.map((length, index) => pooled(length).fill(index));
        for (const [index, bytes] of all.entries()) {
          expect([bytes.constructor, bytes.length]).toEqual([Uint8Array, lengths[index]]);
          release(bytes);
          expect(bytes.length === 0 || bytes.every((byte) => byte === index)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });
});
