import { afterEach, expect, test, vi } from "vitest";
import { hex } from "../../src/bytes.js";
import { nodeVerify, plain } from "../../src/crypto/node-crypto.js";
import { passesKnownAnswer } from "../../src/crypto/signatures.js";
import { workUnderWay } from "../../src/under-way.js";

/** RFC 8032, 7.1, test 2. */
const jwk = { kty: "OKP", crv: "Ed25519", x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" };
const signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
const data = hex("72");

afterEach(() => vi.restoreAllMocks());

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

test("a signature is verified at once where nobody asks for a thread: simulated time waits for none", async () => {
  const verify = await nodeVerify("EdDSA", jwk);
  const answers: boolean[] = [];
  void verify(signature, data).then((valid) => answers.push(valid));
  for (let i = 0; i < 3; i++) await Promise.resolve();
  expect(answers).toEqual([true]);
});

test("a signature is verified by a thread, and a virtual clock waits for it", async () => {
  const verify = await nodeVerify("EdDSA", jwk);
  const before = workUnderWay();
  const [right, wrong] = [verify(signature, data, true), verify(signature, hex("73"), true)];
  expect(workUnderWay()).toBe(before + 2);
  expect(await Promise.all([right, wrong])).toEqual([true, false]);
  expect(workUnderWay()).toBe(before);
});

test("a runtime whose `verify` takes no callback and answers at once serves as well", async () => {
  const real = process.getBuiltinModule("node:crypto");
  const answering = (...[hash, bytes, key, mark]: Parameters<typeof real.verify>): boolean => real.verify(hash, bytes, key, mark);
  vi.spyOn(process, "getBuiltinModule").mockReturnValue({ ...real, verify: answering } as never);
  expect(await passesKnownAnswer(nodeVerify, "EdDSA")).toBe(true);
  expect(await passesKnownAnswer(nodeVerify, "ES256")).toBe(true);
});

test("a verification that breaks down verifies nothing", async () => {
  const real = process.getBuiltinModule("node:crypto");
  const failing = (...[, , , , done]: [unknown, unknown, unknown, unknown, (error: Error) => void]): void => done(new Error("no memory"));
  vi.spyOn(process, "getBuiltinModule").mockReturnValue({ ...real, verify: failing } as never);
  await expect((await nodeVerify("EdDSA", jwk))(signature, data, true)).rejects.toThrow("no memory");
  expect(workUnderWay()).toBe(0);
});
