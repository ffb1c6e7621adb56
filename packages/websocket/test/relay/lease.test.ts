import { describe, expect, it } from "vitest";
import { createLease } from "../../src/relay/lease.js";

const bytes = 64 * 1024;
const givenFrame = (): Uint8Array => new Uint8Array(1 + bytes).fill(7).subarray(1);

describe("a frame that its sender gave", () => {
  it("belongs to the first that takes it, and to nobody else", () => {
    const lease = createLease();
    const frame = givenFrame();
    const taken: boolean[] = [];
    lease.give(frame, (offered) => {
      // It was sent in this process: to be handed over on a later turn.
      expect(lease.offering).toBe(false);
      taken.push(lease.take(offered), lease.take(offered));
    });
    expect(taken).toEqual([true, false]);
    expect(frame.length).toBe(bytes);
    expect(lease.take(frame)).toBe(false);
  });

  it("is freed when all have copied it, or nobody was there", () => {
    const lease = createLease();
    const frame = givenFrame();
    let copy = new Uint8Array(0);
    lease.give(frame, (offered) => {
      copy = new Uint8Array(offered);
    });
    expect(frame.length).toBe(0);
    expect(copy.every((byte) => byte === 7) && copy.length === bytes).toBe(true);
  });
});
