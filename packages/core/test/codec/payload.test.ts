import { describe, expect, test } from "vitest";
import { decodePayload, encodePayload, isBytes } from "../../src/codec/index.js";
import { isTightbeamError } from "../../src/errors.js";
import * as limits from "../../src/limits.js";

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

  test("small payloads of one record share small buffers, never bytes, and none with another record", () => {
    const records = [new Uint8Array(60_000).fill(1), new Uint8Array(60_000).fill(2)];
    const take = (record: number, from: number, length: number) =>
      decodePayload({ kind: "bytes", bytes: (records[record] as Uint8Array).subarray(from, from + length) }) as Uint8Array;
    const got = Array.from({ length: 200 }, (_, index) => ({ record: index < 100 ? 0 : 1, bytes: take(index < 100 ? 0 : 1, index * 250, 250) }));
    got.push({ record: 0, bytes: take(0, 0, 250) });
    for (const { record, bytes } of got) {
      expect(bytes).toEqual(new Uint8Array(250).fill(record + 1));
      expect(bytes.buffer.byteLength).toBeLessThanOrEqual(4 * 1024);
      expect(records.some(({ buffer }) => buffer === bytes.buffer)).toBe(false);
      const others = got.filter((other) => other.bytes.buffer === bytes.buffer && other.record !== record);
      expect(others).toEqual([]);
    }
    expect(new Set(got.map(({ bytes }) => bytes.buffer)).size).toBeLessThan(20);
    for (const [index, { bytes }] of got.entries()) bytes.fill(index);
    for (const [index, { bytes }] of got.entries()) expect(bytes).toEqual(new Uint8Array(250).fill(index));
  });

  test("what is large keeps a buffer of its own", () => {
    const record = new Uint8Array(60_000).fill(3);
    for (let index = 0; index < 5; index++) {
      const got = decodePayload({ kind: "bytes", bytes: record.subarray(index * 2_000, index * 2_000 + 1_500) }) as Uint8Array;
      expect(got).toEqual(new Uint8Array(1_500).fill(3));
      expect(got.buffer.byteLength).toBe(1_500);
    }
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
