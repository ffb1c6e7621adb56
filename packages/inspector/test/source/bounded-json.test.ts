import { describe, expect, it } from "vitest";
import { reveal } from "../../src/source/bounded-json.js";

describe("a payload as text", () => {
  it("is what JSON says of it, laid out", () => {
    for (const value of [null, 1, "text", true, [], {}, [1, [2, {}]], { a: 1, b: { c: [null, "é\n"] }, "": "" }]) {
      const text = JSON.stringify(value, undefined, 2);
      expect(reveal(value)).toEqual({ form: "json", text, bytes: Buffer.byteLength(text), cut: false });
    }
  });

  it("shows bytes as hexadecimal, and counts those inside", () => {
    expect(reveal(new Uint8Array([1, 255]))).toEqual({ form: "bytes", text: "01ff", bytes: 2, cut: false });
    expect(reveal(new Uint8Array(1_000))).toMatchObject({ text: "00".repeat(512), bytes: 1_000, cut: true });
    expect(reveal({ a: new Uint8Array(3) }).text).toBe('{\n  "a": "3 bytes"\n}');
  });

  it("visits no more than it shows, whatever it is given", () => {
    const round: unknown[] = [];
    round.push(round);
    expect(reveal(round).cut).toBe(true);
    let visited = 0;
    const long = new Proxy(
      Array.from({ length: 1_000_000 }, () => 7),
      {
        get(target, key, receiver) {
          visited += 1;
          return Reflect.get(target, key, receiver) as unknown;
        },
      },
    );
    const { text, cut } = reveal(long);
    expect(cut).toBe(true);
    expect(text.length).toBeLessThanOrEqual(16 * 1024);
    expect(visited).toBeLessThan(20_000);
    for (const value of ["x".repeat(10_000_000), { ["k".repeat(10_000_000)]: 1 }, { a: ["y".repeat(20_000), "z"] }])
      expect(reveal(value)).toMatchObject({ cut: true, text: expect.stringMatching(/^.{1,16384}$/s) });
    expect(reveal({ f: () => 1, u: undefined, n: 1n, d: Number.NaN }).text).toBe('{\n  "f": undefined,\n  "u": undefined,\n  "n": 1,\n  "d": null\n}');
  });

  it("shows a member named __proto__ as what it is", () => {
    expect(reveal(JSON.parse('{"__proto__":{"a":1}}')).text).toBe('{\n  "__proto__": {\n    "a": 1\n  }\n}');
  });
});
