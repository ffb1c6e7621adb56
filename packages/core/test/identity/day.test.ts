import { describe, expect, it } from "vitest";
import { createAuthority, createIdentity, credential, type RenewalEvent, signProof, trust, type VerifiedToken, verifyProof } from "../../src/identity/index.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { agentKey, ISSUER, promptKey } from "./fixtures.js";

const minute = 60_000;
const hour = 60 * minute;

describe("TM-11 25 simulated hours with hourly tokens", () => {
  it("every minute a handshake's worth of checks passes, through rotated keys on both sides and 20 minutes without the authority", {
    timeout: 120_000,
  }, async () => {
    const runtime = createVirtualRuntime({ seed: 25 });
    const now = (): number => runtime.clock.wall();
    const authority = await createAuthority({ issuer: ISSUER, runtime, key: await promptKey() });
    let down = false;
    const identity = createIdentity({
      id: "alice",
      key: agentKey,
      runtime,
      async issue({ publicJwk }) {
        if (down) throw new Error("authority down");
        return authority.issue({ id: "alice", publicKey: publicJwk });
      },
    });
    const events: RenewalEvent[] = [];
    identity.onRenewal((event) => events.push(event));
    // The other side knows the authority only through its published keys, which it cannot fetch either while it is down.
    const peer = trust.jwksUrl("https://auth.example/jwks", {
      issuer: ISSUER,
      runtime,
      fetch: async () => {
        if (down) throw new TypeError("fetch failed");
        return new Response(JSON.stringify(authority.jwks()));
      },
    });
    const local = authority.trust();

    const payload = new Uint8Array(32);
    const seen = new Set<string>();
    let live: VerifiedToken | undefined;
    let downSince: number | undefined;
    for (let at = 0; at < 25 * 60; at++) {
      if (at === 5 * 60 || at === 17 * 60 + 30) await authority.rotateKey(await promptKey());
      if (at === 9 * 60) await identity.rotateKey();
      // Down exactly when a renewal is due.
      if (at > 12 * 60 && downSince === undefined && live !== undefined && now() - live.issuedAt > 35 * minute) downSince = at;
      down = downSince !== undefined && at < downSince + 20;
      const { key, token } = await credential(identity);
      for (const side of [peer, local]) {
        const verified = await side.verify(token, { now: now(), expectedId: "alice" });
        expect(verified.expiresAt).toBeGreaterThan(now());
        expect(await verifyProof(verified.key, "tightbeam-pop+jws", payload, await signProof(key, "tightbeam-pop+jws", payload))).toBe(true);
        if (live !== undefined && live.expiresAt > now()) await side.recheck(live, { now: now() });
        live = verified;
      }
      seen.add(token);
      await runtime.advance(minute);
    }
    expect(runtime.now).toBe(25 * hour);
    const failed = events.filter(({ type }) => type === "renewal_failed");
    expect(failed.length).toBeGreaterThan(5);
    const renewed = events.filter(({ type }) => type === "renewed").length;
    expect(renewed).toBeGreaterThanOrEqual(34);
    expect(renewed).toBeLessThanOrEqual(44);
    expect(seen.size).toBe(renewed + 1);
    expect(authority.jwks().keys).toHaveLength(1);
    identity.close();
  });
});
