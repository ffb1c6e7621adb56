import { describe, expect, it } from "vitest";
import { TightbeamError } from "../../src/errors.js";
import { createAuthority, type Identity, importVerifyKey, type Trust, type VerifyKey } from "../../src/identity/index.js";
import { createWorld, type Party } from "./world.js";

/** An identity that shows one agent's token and signs with another's key. */
const impostor = (victim: Identity, own: Identity): Identity => ({
  id: victim.id,
  key: { ...victim.key, sign: (data) => own.key.sign(data) },
  token: (audience) => victim.token(audience),
});

const nobody = (...parties: Party[]): void => {
  for (const party of parties) expect(party.handshakes.counters.established).toBe(0);
};

describe("TM-35 the proof is tried while the token is being checked, and counts only with it", () => {
  it("a right proof does not help a token from a stranger", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const elsewhere = await createAuthority({ issuer: world.authority.issuer, runtime: world.runtime });
    const bob = await world.party("bob", { identity: await elsewhere.enroll("bob") });
    expect(await world.failure(alice, bob.agent)).toMatchObject({ code: "invalid_token", message: expect.stringContaining("no key") });
    nobody(alice, bob);
  });

  it.each(["early", "late", "never"])("a proof with the key announced %s does not stand for one with the token's key", async (when) => {
    const world = await createWorld();
    const [victim, own] = [await world.authority.enroll("bob"), await world.authority.enroll("mallory")];
    const forged = await importVerifyKey(own.key.publicJwk);
    const real = world.authority.trust();
    const misled: Trust = {
      async verify(token, { onKey, ...options }) {
        if (when === "early") onKey?.(forged);
        const verified = await real.verify(token, options);
        if (when === "late") onKey?.(forged);
        return verified;
      },
      recheck: (token, options) => real.recheck(token, options),
    };
    const alice = await world.party("alice", { trust: misled });
    const mallory = await world.party("mallory", { id: "bob", identity: impostor(victim, own) });
    expect(await world.failure(alice, mallory.agent)).toMatchObject({ code: "invalid_token", message: expect.stringContaining("does not hold") });
    nobody(alice, mallory);
  });

  it("a check of the proof that breaks down after the token was refused ends no process", async () => {
    const world = await createWorld();
    const real = world.authority.trust();
    const strays: unknown[] = [];
    const stray = (reason: unknown): void => void strays.push(reason);
    process.on("unhandledRejection", stray);
    try {
      const broken: Trust = {
        async verify(token, options) {
          const { key } = await real.verify(token, options);
          options.onKey?.({ ...key, verify: () => Promise.reject(new Error("broken")) });
          await new Promise<void>((resolve) => world.runtime.timers.turn(resolve));
          throw new TightbeamError("invalid_token", "refused");
        },
        recheck: (token, options) => real.recheck(token, options),
      };
      const alice = await world.party("alice", { trust: broken });
      const bob = await world.party("bob");
      expect(await world.failure(alice, bob.agent)).toMatchObject({ code: "invalid_token", message: "refused" });
      await new Promise((resolve) => setImmediate(resolve));
      expect(strays).toEqual([]);
    } finally {
      process.off("unhandledRejection", stray);
    }
  });

  it.each(["bob", "alice"])("a trust that announces nothing will do: %s's", async (name) => {
    const world = await createWorld();
    const real = world.authority.trust();
    const silent: Trust = {
      verify: (token, { onKey, ...options }) => {
        expect(onKey).toBeTypeOf("function");
        return real.verify(token, options);
      },
      recheck: (token, options) => real.recheck(token, options),
    };
    const alice = await world.party("alice", name === "alice" ? { trust: silent } : {});
    const bob = await world.party("bob", name === "bob" ? { trust: silent } : {});
    expect(await world.dial(alice, bob.agent)).toMatchObject({ peer: { id: "bob" } });
    expect(bob.accepted).toMatchObject([{ peer: { id: "alice" } }]);
  });

  it("is checked once on each side, and before the token's check ends", async () => {
    const world = await createWorld();
    const order: string[] = [];
    const watched = (name: string): Trust => {
      const real = world.authority.trust();
      return {
        async verify(token, options) {
          let seen: VerifyKey | undefined;
          const onKey = (key: VerifyKey): void => {
            seen = {
              ...key,
              async verify(signature, data) {
                order.push(`${name}: proof`);
                return key.verify(signature, data);
              },
            };
            options.onKey?.(seen);
          };
          const verified = await real.verify(token, { ...options, onKey });
          await new Promise<void>((resolve) => world.runtime.timers.turn(resolve));
          order.push(`${name}: token`);
          return { ...verified, key: seen ?? verified.key };
        },
        recheck: (token, options) => real.recheck(token, options),
      };
    };
    const alice = await world.party("alice", { trust: watched("alice") });
    const bob = await world.party("bob", { trust: watched("bob") });
    await world.dial(alice, bob.agent);
    expect(order).toEqual(["alice: proof", "alice: token", "bob: proof", "bob: token"]);
  });
});
