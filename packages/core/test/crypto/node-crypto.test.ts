import { expect, test } from "vitest";
import { plain } from "../../src/crypto/node-crypto.js";

test("what comes out of a pool of buffers, as in runtimes that only imitate Node, does not hand out the pool", () => {
  const pool = new Uint8Array(8_192).fill(7);
  const out = plain(pool.subarray(100, 132));
  expect(out).toEqual(new Uint8Array(32).fill(7));
  expect(out.buffer.byteLength).toBe(32);
});

test("what has a buffer of its own is not copied", () => {
  const own = new Uint8Array(32);
  expect(plain(own).buffer).toBe(own.buffer);
});
