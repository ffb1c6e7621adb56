import { generateKeyPairSync, sign } from "node:crypto";
import { createAgent, createAuthority } from "@tightbeam/core";
import { importVerifyKey, type SigningKey } from "@tightbeam/core/identity";
import type { createVirtualRuntime } from "@tightbeam/core/runtime";
import { connectMemory, createHub } from "@tightbeam/memory";
import { loadKem } from "../../packages/core/src/crypto/index.js";

export type Clock = ReturnType<typeof createVirtualRuntime>;

/** Signs within the turn: on a virtual clock a thread would lag behind the jumps. */
export async function promptKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { publicJwk, thumbprint } = await importVerifyKey(publicKey.export({ format: "jwk" }));
  return { alg: "EdDSA", publicJwk, thumbprint, sign: async (data) => new Uint8Array(sign(null, data, privateKey)) };
}

/** What an agent loads late it loads here, on a clock that waits for it: virtual time does not wait for a disk. */
export async function loadParts(): Promise<void> {
  // That of a runtime whose randomness is given: not the one below where the system's is faster.
  await loadKem({ deterministic: true });
  const authority = await createAuthority();
  const hub = createHub();
  const join = async (id: string) => createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
  const [alice, bob] = await Promise.all([join("alice"), join("bob")]);
  alice.handle("echo", (input) => input);
  await bob.request("alice", "echo", 1);
  await bob.request("alice", "echo", 1, { idempotencyKey: "once" });
  await Promise.all([alice.close(), bob.close()]);
}

/** Runs virtual time until the promise settles. */
export async function during<T>(runtime: Clock, promise: Promise<T>, step = 20): Promise<T> {
  let settled = false;
  const done = promise.finally(() => {
    settled = true;
  });
  done.catch(() => undefined);
  while (!settled) await runtime.advance(step);
  return done;
}
