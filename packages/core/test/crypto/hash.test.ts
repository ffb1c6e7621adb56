import { createHash, createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { hash } from "../../src/crypto/hash.js";

const digest = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(bytes).digest());

test("HMAC is the one of node:crypto for every length around what there is room for", () => {
  const { hmac } = hash("SHA256", digest);
  for (const keyBytes of [0, 1, 32, 63, 64, 65, 200]) {
    for (const length of [0, 1, 32, 191, 192, 193, 1_000]) {
      const [key, data] = [randomBytes(keyBytes), randomBytes(length)];
      const expected = createHmac("sha256", key).update(data).digest("hex");
      expect(Buffer.from(hmac(key, data)).toString("hex")).toBe(expected);
      expect(Buffer.from(hmac(key, data.subarray(0, 5), data.subarray(5))).toString("hex")).toBe(expected);
    }
  }
});

test("what was hashed is wiped, also from memory that is used again, and what came out is not touched by the next", () => {
  const seen: Uint8Array[] = [];
  const { hmac } = hash("SHA256", (bytes) => {
    seen.push(bytes);
    return digest(bytes);
  });
  const [key, data] = [new Uint8Array(32).fill(7), new Uint8Array(100).fill(9)];
  const first = hmac(key, data);
  const copy = first.slice();
  hmac(data, key);
  hmac(key, new Uint8Array(1_000).fill(5));
  expect(first).toEqual(copy);
  const own = seen.filter((bytes) => bytes !== data);
  expect(own.length).toBeGreaterThan(5);
  for (const bytes of own) expect(bytes.every((byte) => byte === 0)).toBe(true);
});
