import type { TightbeamError } from "@tightbeam/core";
import { breaker, policy } from "@tightbeam/core/resilience";
import { createMemoryStore } from "@tightbeam/core/store";
import { beforeAll, describe, expect, test } from "vitest";
import { during, loadParts } from "./clock.js";
import { createPlace, storeKey } from "./mortal-place.js";

beforeAll(async () => {
  await loadParts();
  await Promise.all([
    import("../../packages/core/src/patterns/durable/durable.js"),
    import("../../packages/core/src/patterns/dead-letters/dead-letters.js"),
    import("../../packages/core/src/patterns/checkpoints/checkpoints.js"),
    import("../../packages/core/src/patterns/checkpoints/recovery.js"),
  ]);
});

describe("agent.status()", () => {
  test("says of each link what waits by priority, what is under way, and what the peer still takes", async () => {
    const place = await createPlace(1);
    const { runtime, dead } = place;
    const alice = await place.join("alice", { limits: { intakeCount: 10 } });
    const bob = await place.join("bob");
    alice.agent.handle("note", () => undefined);
    const first = bob.agent.status();
    const begun = structuredClone(first);
    await during(runtime, bob.agent.link("alice"));
    await runtime.advance(100);
    // What was told is not changed by what happens later.
    expect(first).toEqual(begun);
    const idle = bob.agent.status();
    expect(idle.handshakes.established).toBe(1);
    expect(idle).toMatchObject({
      transport: "up",
      ready: true,
      breakers: [],
      deadLetters: undefined,
      durable: { queued: 0, inFlight: 0, bytes: 0, receiving: 0 },
    });
    expect(idle.links[0]).toMatchObject({ suite: 0x0101, queue: { critical: 0, high: 0, normal: 0, low: 0 }, inFlight: { messages: 0, bytes: 0 } });
    expect(idle.links[0]?.inFlight.limit).toBeGreaterThan(1_000);
    const { epoch, roundTrip, sessions, generation, peer, counters } = bob.agent.links("alice")[0]?.status() ?? {};
    expect({ epoch, sessions, generation }).toEqual({ epoch: { send: 0, receive: 0 }, sessions: 1, generation: 0 });
    expect(peer).toEqual({
      id: "alice",
      instance: alice.agent.instance,
      issuer: expect.any(String) as string,
      thumbprint: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
    // Measured: until it is, 100 ms are taken for it.
    expect(roundTrip).toBeLessThan(10);
    expect(counters).toMatchObject({ messagesSent: 1, cellsResent: 0 });
    const before = idle.links[0]?.credit.messages ?? 0;
    expect(before).toBeGreaterThan(0);
    dead.add("alice");
    const notes = Array.from({ length: before + 3 }, () => bob.agent.notify("alice", "note", "x".repeat(100)));
    const low = bob.agent.notify("alice", "note", 1, { priority: "low" });
    for (const note of [...notes, low]) note.catch(() => undefined);
    await runtime.advance(10);
    const [link] = bob.agent.status().links;
    expect(link).toMatchObject({ queue: { critical: 0, high: 0, normal: 3, low: 1 }, credit: { messages: 0 } });
    expect(link?.inFlight.messages).toBe(before);
    expect(link?.inFlight.bytes).toBeGreaterThan(100 * before);
    await place.close();
  });

  test("says the epoch of a link's keys, which change by themselves every ten minutes on a link that is used", async () => {
    const place = await createPlace(3);
    const { runtime } = place;
    const alice = await place.join("alice");
    const bob = await place.join("bob");
    alice.agent.handle("echo", (input) => input);
    const link = await during(runtime, bob.agent.link("alice"));
    for (const epoch of [0, 1, 2]) {
      expect(await during(runtime, bob.agent.request("alice", "echo", epoch))).toBe(epoch);
      expect(link.status().epoch).toEqual({ send: epoch, receive: epoch });
      await runtime.advance(10 * 60_000 + 1_000);
    }
    expect(link.status()).toMatchObject({ state: "up", generation: 0 });
    await place.close();
  });

  test("says what a policy's breakers hold back, what durable messages wait, how many letters there are; and when it takes no work", async () => {
    const place = await createPlace(2);
    const { runtime } = place;
    const resilience = policy(breaker({ consecutiveFailures: 2 }));
    const alice = await place.join("alice");
    const bob = await place.join("bob", { resilience, store: createMemoryStore(), storeKey });
    const fails = () =>
      during(
        runtime,
        bob.agent.request("alice", "broken").catch((error: TightbeamError) => error.code),
      );
    alice.agent.handle("broken", () => {
      throw new Error("no");
    });
    alice.agent.handle("keep", () => undefined);
    await fails();
    await fails();
    await during(runtime, bob.agent.notify("nobody", "keep", "x".repeat(1_000), { durable: true }));
    await during(
      runtime,
      bob.agent.notify("alice", "nothing", 1, { durable: true, confirm: "done" }).catch(() => undefined),
    );
    await runtime.advance(1_000);
    const status = bob.agent.status();
    expect(status.breakers).toEqual([{ peer: "alice", method: "broken", state: "open" }]);
    expect(status.durable).toMatchObject({ queued: 1, inFlight: 0, receiving: 0 });
    expect(status.durable.bytes).toBeGreaterThan(1_000);
    expect(status.deadLetters).toMatchObject({ count: 1 });
    expect(status.deadLetters?.bytes).toBeGreaterThan(0);
    const closing = bob.agent.close();
    expect(bob.agent.status()).toMatchObject({ ready: false });
    await during(runtime, closing);
    expect(bob.agent.status()).toMatchObject({ transport: "closed", ready: false, links: [] });
    await place.close();
  });
});
