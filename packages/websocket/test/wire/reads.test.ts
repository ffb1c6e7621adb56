import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameCollector } from "../../src/wire/reads.js";

const KiB = 1024;
const least = 16 * KiB;
const most = 256 * KiB;
const answer = Buffer.from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");

/** The first bytes of a binary frame; `as` says its length in more bytes than it needs. */
function head(length: number, { masked = false, as = 0 } = {}): Buffer {
  const size = Math.max(as, length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const bytes = Buffer.alloc(2 + size + (masked ? 4 : 0), 0xee);
  bytes[0] = 0x82;
  bytes[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127);
  if (size === 2) bytes.writeUInt16BE(length, 2);
  if (size === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

const payload = (length: number, seed: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, index) => index * 31 + seed));
const frame = (length: number, seed = 1, options: { masked?: boolean; as?: number } = {}): Buffer =>
  Buffer.concat([head(length, options), payload(length, seed)]);

/** What is given on when the bytes come in pieces of these sizes, in turn. The pieces lie in one buffer that is used again. */
function collect(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  const shared = Buffer.alloc(128 * KiB);
  const collector = createFrameCollector((piece) => pieces.push(piece));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.min(sizes[turn % sizes.length] ?? 1, shared.length, bytes.length - at);
    bytes.copy(shared, 0, at, at + size);
    collector.take(shared.subarray(0, size));
    shared.fill(0xaa);
    at += size;
  }
  return pieces;
}

const isAlone = (piece: Buffer): boolean => piece.byteOffset === 0 && piece.length === piece.buffer.byteLength;
const lengths = (pieces: readonly Buffer[]): number[] => pieces.map(({ length }) => length);

describe("what a client reads", () => {
  it("is given on unchanged, whatever frames there are and however they are cut, and every large payload alone in its buffer", () => {
    const size = fc.oneof(fc.constantFrom(0, 1, 125, 126, 65_535, 65_536, least - 1, least, most, most + 1), fc.integer({ min: 0, max: 40 * KiB }));
    const one = fc.record({ size, masked: fc.boolean(), as: fc.constantFrom(0, 2, 8), seed: fc.nat(255) });
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 128 * KiB })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), cuts, (frames, sizes) => {
        const bytes = Buffer.concat([answer, ...frames.map((each) => frame(each.size, each.seed, each))]);
        // Nothing is left unread by one byte at a time, and no test takes a second.
        const pieces = collect(bytes, bytes.length > 20_000 && Math.max(...sizes) < 1_000 ? [...sizes, 8 * KiB] : sizes);
        expect(Buffer.compare(Buffer.concat(pieces), bytes)).toBe(0);
        const collected = frames.filter((each) => each.size >= least && each.size <= most).map((each) => each.size);
        expect(lengths(pieces.filter((piece) => piece.length >= least && isAlone(piece)))).toEqual(expect.arrayContaining(collected));
      }),
      { numRuns: 80 },
    );
  });

  it("is held back only where a frame has not come far enough: at most its head, or the payload that is collected", () => {
    const bytes = Buffer.concat([answer, frame(10), frame(20_000), frame(20)]);
    let given = 0;
    const collector = createFrameCollector((piece) => {
      given += piece.length;
    });
    for (let at = 0; at < bytes.length; at++) {
      collector.take(bytes.subarray(at, at + 1));
      const inPayload = at >= answer.length + 12 + 4 && at < answer.length + 12 + 4 + 20_000;
      expect(at + 1 - given).toBeLessThan(inPayload ? 20_000 : 10);
    }
    expect(given).toBe(bytes.length);
  });

  it.each([
    { name: "more than is collected", length: most + 1 },
    { name: "4 GiB", length: 2 ** 32 },
    { name: "the most that eight bytes say", length: Number.MAX_SAFE_INTEGER },
  ])("is never held, and no memory made for it, when a frame claims $name", ({ length }) => {
    const claim = Buffer.concat([answer, head(length, { as: 8 }), payload(1_000, 1)]);
    const pieces = collect(claim, [claim.length]);
    expect(Buffer.concat(pieces)).toEqual(claim);
    expect(Math.max(...pieces.map(({ buffer }) => buffer.byteLength))).toBeLessThanOrEqual(Buffer.poolSize);
  });

  it("is no frame before the answer that switches: one in between, or another answer, goes on as it is", () => {
    const early = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
    const bytes = Buffer.concat([early, answer, frame(50_000)]);
    expect(lengths(collect(bytes, [bytes.length]))).toEqual([early.length + answer.length + 4, 50_000]);
    const refusal = Buffer.concat([Buffer.from("HTTP/1.1 403 Forbidden\r\n\r\n"), Buffer.alloc(30_000, 0x7f)]);
    expect(lengths(collect(refusal, [10_000]))).toEqual([10_000, 10_000, 10_000, refusal.length - 30_000]);
  });

  it("goes on in as many pieces as it came in while frames are small", () => {
    const bytes = Buffer.concat([answer, frame(100), frame(200), frame(300)]);
    expect(lengths(collect(bytes, [bytes.length]))).toEqual([bytes.length]);
  });
});
