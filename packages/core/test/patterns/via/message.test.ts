import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressOf,
  bodyAt,
  decodeLoss,
  encodeLoss,
  encodeMessage,
  frameMaxBytes,
  hopsOf,
  isForwarded,
  kindOf,
  kinds,
  owned,
  readdress,
  subscriptionOf,
} from "../../../src/patterns/via/message.js";

const body = Uint8Array.of(9, 8, 7);

describe("the bytes of a forwarded frame", () => {
  test("are those of docs/protocol.md", () => {
    const message = encodeMessage(kinds.send, 8, 0, "inbox/bob", body);
    expect(Buffer.from(message).toString("hex")).toBe(`180108${"00000000"}09${Buffer.from("inbox/bob").toString("hex")}090807`);
    readdress(message, kinds.deliver, 7, 0xfedc_ba98);
    expect(Buffer.from(message).toString("hex")).toBe(`180207${"fedcba98"}09${Buffer.from("inbox/bob").toString("hex")}090807`);
    expect([kindOf(message), hopsOf(message), subscriptionOf(message), isForwarded(message)]).toEqual([kinds.deliver, 7, 0xfedc_ba98, false]);
    expect(addressOf(message, "")).toBe("inbox/bob");
    expect([...message.subarray(bodyAt(message))]).toEqual([...body]);
    expect(Buffer.from(encodeLoss(3, 2 ** 40 + 5)).toString("hex")).toBe("00000003010000000005");
    expect(decodeLoss(encodeLoss(3, 2 ** 40 + 5))).toEqual({ frames: 3, bytes: 2 ** 40 + 5 });
    expect(decodeLoss(new Uint8Array(9))).toBeUndefined();
  });

  test("come back as they were, and small ones never share a byte", () => {
    const kept: { message: Uint8Array; copy: Uint8Array }[] = [];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 6_000 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.stringMatching(/^[\w-]{1,64}(?:\/[\w-]{1,60}){0,3}$/),
        (frame, hops, id, at) => {
          const message = encodeMessage(kinds.send, hops, id, at, frame);
          expect([kindOf(message), hopsOf(message), subscriptionOf(message), addressOf(message, ""), addressOf(message, at)]).toEqual([1, hops, id, at, at]);
          expect(Buffer.compare(message.subarray(bodyAt(message)), frame)).toBe(0);
          kept.push({ message, copy: message.slice() });
        },
      ),
    );
    for (const { message, copy } of kept) expect(Buffer.compare(message, copy)).toBe(0);
  });

  test("are refused when they are others", () => {
    const good = encodeMessage(kinds.send, 8, 0, "agent/bob", body);
    const changed = (at: number, value: number): Uint8Array => {
      const copy = good.slice();
      copy[at] = value;
      return copy;
    };
    expect(bodyAt(good)).toBe(17);
    for (const bad of [new Uint8Array(0), good.subarray(0, 7), changed(0, 0x13), changed(1, 0), changed(1, 5), changed(1, 0x41), changed(7, 200)])
      expect(bodyAt(bad)).toBe(0);
    expect(bodyAt(encodeMessage(kinds.send, 1, 0, "a", new Uint8Array(frameMaxBytes)))).toBe(9);
    expect(bodyAt(encodeMessage(kinds.send, 1, 0, "a", new Uint8Array(frameMaxBytes + 1)))).toBe(0);
    for (const odd of ["", "a//b", "a b", "*", "a/b/c/d/e", "\u00e4"]) expect(addressOf(encodeMessage(kinds.send, 1, 0, odd, body), "")).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => bodyAt(bytes) <= bytes.length));
  });

  test("what is less than half of its buffer is copied before it is kept", () => {
    const record = new Uint8Array(100);
    expect(owned(record.subarray(10, 70)).buffer).toBe(record.buffer);
    expect(owned(record.subarray(10, 40)).buffer).not.toBe(record.buffer);
  });
});
