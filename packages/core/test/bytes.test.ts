import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concat,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  fromBase64url,
  fromHex,
  isZero,
  reader,
  readU8,
  readU16,
  readU32,
  readU48,
  readU64,
  toBase64url,
  toHex,
  writeU8,
  writeU16,
  writeU32,
  writeU48,
  writeU64,
} from "../src/bytes.js";
import { TightbeamError } from "../src/errors.js";

const refuses = (code: string, run: () => unknown): void => {
  expect(run).toThrowError(expect.objectContaining({ name: "TightbeamError", code }));
};

/** The value, or undefined for a typed refusal; anything else fails the test. */
function valueOrMalformed<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(TightbeamError);
    expect((error as TightbeamError).code).toBe("malformed");
    return undefined;
  }
}

const bytes = (max = 64) => fc.uint8Array({ maxLength: max });

describe("concat, equalBytes, isZero", () => {
  it("joins in order and owns the result", () => {
    const part = Uint8Array.of(1, 2);
    const joined = concat(part, new Uint8Array(0), Uint8Array.of(3));
    part[0] = 9;
    expect(joined).toEqual(Uint8Array.of(1, 2, 3));
    expect(concat()).toHaveLength(0);
  });

  it("compares contents", () => {
    fc.assert(fc.property(bytes(), bytes(), (a, b) => equalBytes(a, b) === (toHex(a) === toHex(b)) && equalBytes(a, a.slice())));
    expect(equalBytes(Uint8Array.of(0), Uint8Array.of(0, 0))).toBe(false);
  });

  it("knows zeros", () => {
    expect([isZero(new Uint8Array(4)), isZero(Uint8Array.of(0, 0, 0, 128)), isZero(new Uint8Array(0))]).toEqual([true, false, true]);
  });
});

describe("hex", () => {
  it("agrees with Buffer both ways", () => {
    fc.assert(
      fc.property(bytes(), (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString("hex"));
        expect(fromHex(toHex(value).toUpperCase())).toEqual(value);
      }),
    );
  });

  it.each(["0", "zz", "0g", "0x00", "00 1", "é0", " 0"])("refuses %j", (text) => refuses("malformed", () => fromHex(text)));
});

describe("base64url", () => {
  it("the largest payload there is has a text: 64 MiB", () => {
    const bytes = new Uint8Array(64 * 1024 * 1024).fill(0xa5);
    const text = toBase64url(bytes);
    expect(text.length).toBe(Math.ceil((bytes.length * 4) / 3));
    expect([text.slice(0, 8), text.slice(-2)]).toEqual(["paWlpaWl", Buffer.from([0xa5]).toString("base64url")]);
  });

  it("agrees with Buffer both ways", () => {
    fc.assert(
      fc.property(bytes(), (value) => {
        expect(toBase64url(value)).toBe(Buffer.from(value).toString("base64url"));
        expect(fromBase64url(toBase64url(value))).toEqual(value);
      }),
    );
  });

  it.each([
    ["padding", "AA=="],
    ["one character too many", "AAAAA"],
    ["a space", "AA AA"],
    ["a line feed", "AAAA\n"],
    ["the other alphabet", "+/AA"],
    ["not ASCII", "AAÄA"],
    ["a code unit above 255 whose low byte is valid", "AA\u0141A"],
    ["unused bits set, one byte", "AB"],
    ["unused bits set, two bytes", "AAB"],
  ])("refuses %s", (_what, text) => refuses("malformed", () => fromBase64url(text)));

  it("has one spelling for each value: any text decodes to what encodes to it, or is refused", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ABCDwxyz0189-_=+/ \n"), maxLength: 12 });
    fc.assert(
      fc.property(text, (value) => {
        const decoded = valueOrMalformed(() => fromBase64url(value));
        if (decoded !== undefined) expect(toBase64url(decoded)).toBe(value);
      }),
    );
  });
});

describe("UTF-8", () => {
  it("goes both ways for every well-formed text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => decodeUtf8(encodeUtf8(text)) === text));
  });

  it("keeps a byte order mark", () => {
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
  });

  it.each([
    ["overlong", [0xc0, 0x80]],
    ["0xff", [0xff]],
    ["cut short", [0xe2, 0x82]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ])("refuses %s", (_what, input) => refuses("malformed", () => decodeUtf8(Uint8Array.from(input))));

  it.each(["\ud800", "a\udc00b", "\udc00\ud800"])("refuses the lone surrogate in %j", (text) => refuses("malformed", () => encodeUtf8(text)));
});

describe("integers", () => {
  const widths = [
    { width: 1, write: writeU8, read: readU8, below: 2 ** 8 },
    { width: 2, write: writeU16, read: readU16, below: 2 ** 16 },
    { width: 4, write: writeU32, read: readU32, below: 2 ** 32 },
    { width: 6, write: writeU48, read: readU48, below: 2 ** 48 },
    { width: 8, write: writeU64, read: readU64, below: 2 ** 53 },
  ];

  it.each(widths)("$width bytes: big-endian, both ways", ({ width, write, read, below }) => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (any) => {
        const value = any % below;
        const out = new Uint8Array(width + 2);
        expect(write(out, 1, value)).toBe(1 + width);
        expect(read(out, 1)).toBe(value);
        expect(BigInt(`0x${toHex(out.subarray(1, 1 + width))}`)).toBe(BigInt(value));
        expect([out[0], out[width + 1]]).toEqual([0, 0]);
      }),
    );
  });

  it.each(widths)("$width bytes: refuses what does not fit and places outside", ({ width, write, read, below }) => {
    const out = new Uint8Array(width);
    for (const value of [-1, 0.5, below, Number.NaN, Number.POSITIVE_INFINITY]) refuses("invalid_argument", () => write(out, 0, value));
    for (const at of [1, -1, Number.NaN]) refuses("internal", () => write(out, at, 0));
    for (const at of [1, -1, Number.NaN]) refuses("malformed", () => read(out, at));
    expect(isZero(out)).toBe(true);
  });

  it("refuses a 64-bit value of 2^53", () => {
    refuses("malformed", () => readU64(fromHex("0020000000000000"), 0));
    expect(readU64(fromHex("001fffffffffffff"), 0)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe("reader", () => {
  it("reads in order", () => {
    const cursor = reader(fromHex("01000200000003000000000004000000000000000561626364"));
    expect([cursor.u8(), cursor.u16(), cursor.u32(), cursor.u48(), cursor.u64()]).toEqual([1, 2, 3, 4, 5]);
    expect(cursor.view(1)).toEqual(encodeUtf8("a"));
    expect(cursor.bytes(2)).toEqual(encodeUtf8("bc"));
    expect([cursor.offset, cursor.remaining]).toEqual([24, 1]);
    refuses("malformed", () => cursor.end());
    expect(cursor.rest()).toEqual(encodeUtf8("d"));
    cursor.end();
  });

  it("gives views and copies as it says", () => {
    const input = Uint8Array.of(1, 2);
    const cursor = reader(input);
    const view = cursor.view(1);
    const copy = cursor.bytes(1);
    input.fill(9);
    expect([view[0], copy[0]]).toEqual([9, 2]);
  });

  it("never reads past the end and never moves on a refusal", () => {
    const steps = fc.array(fc.oneof(fc.constantFrom("u8", "u16", "u32", "u48", "u64"), fc.oneof(fc.integer({ min: -5, max: 40 }), fc.double())), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(bytes(32), steps, (input, wanted) => {
        const cursor = reader(input);
        for (const step of wanted) {
          const before = cursor.offset;
          const got = valueOrMalformed(() => (typeof step === "number" ? cursor.view(step) : cursor[step as "u8"]()));
          if (got === undefined) expect(cursor.offset).toBe(before);
          expect(cursor.offset + cursor.remaining).toBe(input.length);
          expect(cursor.remaining).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
