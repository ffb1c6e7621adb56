import { describe, expect, test } from "vitest";
import { decodePayload, encodePayload, isBytes } from "../../src/codec/index.js";
import { isTightbeamError } from "../../src/errors.js";
import { limits } from "../../src/limits.js";

describe("payloads", () => {
  test("bytes pass untouched: the same view, no copy", () => {
    const view = new Uint8Array(new ArrayBuffer(100), 10, 20);
    const encoded = encodePayload(view);
    expect(encoded?.kind).toBe("bytes");
    expect(encoded?.bytes).toBe(view);
    expect(encodePayload(Buffer.from("x"))?.kind).toBe("bytes");
  });

  test("no payload, null and no bytes are three things", () => {
    expect(encodePayload(undefined)).toBeUndefined();
    expect(decodePayload(undefined)).toBeUndefined();
    expect(decodePayload(encodePayload(null))).toBeNull();
    expect(decodePayload(encodePayload(new Uint8Array(0)))).toEqual(new Uint8Array(0));
  });

  test.each([new Float32Array(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1), new Uint8ClampedArray(1)])("%o is no payload", (value) => {
    expect(isBytes(value)).toBe(false);
    expect(() => encodePayload(value)).toThrow(expect.objectContaining({ code: "not_serialisable" }));
  });

  test("a small view of a larger buffer is copied and owns its memory", () => {
    const frame = new Uint8Array(1_000).fill(7);
    const got = decodePayload({ kind: "bytes", bytes: frame.subarray(10, 20) }) as Uint8Array;
    frame.fill(0);
    expect(got).toEqual(new Uint8Array(10).fill(7));
    expect(got.buffer.byteLength).toBe(10);
  });

  test("a view that is most of its buffer is handed over as it is", () => {
    const frame = new Uint8Array(1_000);
    const view = frame.subarray(30);
    expect(decodePayload({ kind: "bytes", bytes: view })).toBe(view);
  });

  test("a Buffer arrives as a plain Uint8Array", () => {
    for (const source of [Buffer.from("small"), Buffer.from(new ArrayBuffer(64))]) {
      const got = decodePayload({ kind: "bytes", bytes: source }) as Uint8Array;
      expect(got.constructor).toBe(Uint8Array);
      expect([...got]).toEqual([...source]);
    }
  });

  test("JSON limits given by the caller hold both ways", () => {
    const tight = { ...limits, jsonMaxBytes: 4, jsonMaxDepth: 1, jsonMaxKeys: 0 };
    expect(decodePayload(encodePayload([1], tight), tight)).toEqual([1]);
    for (const value of ["abcd", [[]], { a: 1 }]) {
      expect(() => encodePayload(value, tight)).toThrow();
      try {
        decodePayload(encodePayload(value), tight);
        expect.unreachable();
      } catch (error) {
        expect(isTightbeamError(error) && error.code).toMatch(/^(?:too_large|invalid_envelope)$/);
      }
    }
  });
});
