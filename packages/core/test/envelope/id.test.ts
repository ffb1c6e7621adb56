import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createIds, isUuid, isUuidAt, uuidText, writeUuid } from "../../src/envelope/id.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";

const start = 1_750_000_000_000;
/** A runtime whose wall clock says what the test says. */
function clockAt(...readings: number[]) {
  const runtime = createVirtualRuntime({ seed: 7 });
  let last = readings[0] ?? start;
  return { ...runtime, clock: { monotonic: () => 0, wall: () => (last = readings.shift() ?? last) } };
}
const msOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

describe("ids", () => {
  test("carry the wall clock, version 7 and the variant", () => {
    const id = createIds(createVirtualRuntime({ seed: 1, start })).text();
    expect(isUuid(id)).toBe(true);
    expect(msOf(id)).toBe(start);
    expect(id[14]).toBe("7");
    expect("89ab").toContain(id[19]);
  });

  test("10,000 within one ms ascend, and the ms moves on when the counter is used up", () => {
    const next = createIds(clockAt(start)).text;
    const ids = Array.from({ length: 10_000 }, () => next());
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(10_000);
    expect(msOf(ids.at(-1) as string)).toBeGreaterThan(start);
    expect(msOf(ids.at(-1) as string)).toBeLessThanOrEqual(start + 5);
  });

  test("ascend when the clock goes back, and follow it again once it is ahead", () => {
    const next = createIds(clockAt(start, start - 3_600_000, start - 1, start, start + 10)).text;
    const ids = Array.from({ length: 5 }, () => next());
    expect(ids).toEqual([...ids].sort());
    expect(ids.map(msOf)).toEqual([start, start, start, start, start + 10]);
  });

  test("two sources never agree in their random parts", () => {
    const tails = [1, 2].map((seed) => createIds(createVirtualRuntime({ seed })).text().slice(20));
    expect(tails[0]).not.toBe(tails[1]);
  });

  test("no id is made when the generator fails, and the next one that works is in order", () => {
    const runtime = createVirtualRuntime({ seed: 3 });
    let broken = true;
    const { text: next } = createIds({
      ...runtime,
      random: {
        bytes: (length) => {
          if (broken) throw new Error("no randomness");
          return runtime.random.bytes(length);
        },
      },
    });
    expect(next).toThrow("no randomness");
    broken = false;
    const first = next();
    expect(isUuid(first)).toBe(true);
    expect(next() > first).toBe(true);
  });

  test("text and bytes are two forms of one id", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (raw) => {
        const bytes = Uint8Array.from(raw, (byte, i) => (i === 6 ? 0x70 | (byte & 15) : i === 8 ? 0x80 | (byte & 63) : byte));
        const text = uuidText(bytes, 0);
        expect(isUuid(text)).toBe(true);
        const back = new Uint8Array(18).fill(9);
        expect(writeUuid(text, back, 1)).toBe(true);
        expect([...back]).toEqual([9, ...bytes, 9]);
        expect(isUuidAt(back, 1)).toBe(true);
      }),
    );
  });

  const good = "01978a52-6c00-7abc-8def-0123456789ab";
  const bad: [string, unknown][] = [
    ["upper case", good.toUpperCase()],
    ["version 4", "01978a52-6c00-4abc-8def-0123456789ab"],
    ["another variant", "01978a52-6c00-7abc-cdef-0123456789ab"],
    ["no hyphens", good.replaceAll("-", "")],
    ["a hyphen moved", "01978a526-c00-7abc-8def-0123456789ab"],
    ["braces", `{${good}}`],
    ["line feed after it", `${good}\n`],
    ["a letter beyond f", good.replace("a", "g")],
    ["fullwidth digit", good.replace("0", "\uff10")],
    ["NUL", good.replace("0", "\0")],
    ["empty", ""],
    ["1 MB", "0".repeat(1_000_000)],
    ["a number", 1],
    ["null", null],
  ];
  test.each(bad)("%s is no id", (_, value) => {
    expect(isUuid(value)).toBe(false);
    expect(writeUuid(value as string, new Uint8Array(16), 0)).toBe(false);
    expect(isUuid(good)).toBe(true);
  });
});
