import { describe, expect, it } from "vitest";
import { createCopier } from "../src/values.js";

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

describe("copies of values", () => {
  it("are as they were, whatever happens to the value and to other copies", () => {
    const { copy, free } = createCopier();
    const sizes = [0, 1, 1_000, 16_384, 16_385, 100_000, 200_000, 2_000_000];
    const values = [...sizes, ...sizes].map((size, at) => filled(size, at + 1));
    const copies = values.map(copy);
    const expected = values.map((value) => value.slice());
    for (const value of values) value.fill(0);
    expect(copies.every((each, at) => Buffer.compare(each, expected[at] as Uint8Array) === 0)).toBe(true);
    for (const each of copies.slice(0, sizes.length)) free(each);
    for (const size of sizes) copy(filled(size, 99));
    expect(copies.slice(sizes.length).every((each, at) => Buffer.compare(each, expected[at + sizes.length] as Uint8Array) === 0)).toBe(true);
  });

  it("lie where a freed one lay that was large enough", () => {
    const { copy, free } = createCopier();
    const first = copy(filled(90_000, 1));
    const second = copy(filled(90_000, 2));
    expect(second.buffer).not.toBe(first.buffer);
    free(first);
    const third = copy(filled(80_000, 3));
    expect(third.buffer).toBe(first.buffer);
    expect(third).toEqual(Buffer.from(filled(80_000, 3)));
    free(third);
    expect(copy(filled(200_000, 4)).buffer).not.toBe(first.buffer);
    expect(copy(filled(90_000, 5)).buffer).toBe(first.buffer);
  });

  it("keep four buffers at most, and none beyond 1 MiB", () => {
    const { copy, free } = createCopier();
    const copies = Array.from({ length: 6 }, () => copy(filled(50_000, 1)));
    const large = copy(filled(3_000_000, 1));
    for (const each of [...copies, large]) free(each);
    const known = new Set([...copies, large].map(({ buffer }) => buffer));
    const again = [filled(3_000_000, 2), ...Array.from({ length: 6 }, () => filled(50_000, 2))].map((value) => known.has(copy(value).buffer));
    expect(again).toEqual([false, true, true, true, true, false, false]);
  });
});
