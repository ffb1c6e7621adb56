import { beforeEach, expect, it, vi } from "vitest";
import { type OnDemand, onDemand } from "../../src/on-demand.js";
import type { Context } from "../../src/secure/context.js";
import { createLateResponder } from "../../src/secure/late-responder.js";
import * as responder from "../../src/secure/responder.js";
import { createWorld } from "./world.js";

/** What the responders of this file are loaded with. */
let load: OnDemand<typeof responder>;
let loads: { arrive(): void; fail(): void }[];
vi.mock("../../src/secure/answering.js", () => ({ createAnswering: (context: Context) => createLateResponder(context, load) }));

beforeEach(() => {
  loads = [];
  load = onDemand(
    () =>
      new Promise((resolve, reject) => {
        loads.push({ arrive: () => resolve(responder), fail: () => reject(new Error("offline")) });
      }),
  );
});

it("the first handshake waits until what answers it is loaded, and the next ones do not", async () => {
  const world = await createWorld();
  const alice = await world.party("alice");
  const carol = await world.party("carol");
  const bob = await world.party("bob");
  const both = Promise.all([alice.handshakes.dial(bob.agent, { timeout: 15_000 }), carol.handshakes.dial(bob.agent, { timeout: 15_000 })]);
  await world.advance(20);
  expect([loads.length, bob.handshakes.counters.started, bob.accepted.length]).toEqual([1, 0, 0]);
  loads[0]?.arrive();
  await world.advance(2_000);
  for (const { peer } of await both) expect(peer.id).toBe("bob");
  expect(bob.accepted).toHaveLength(2);
  await world.dial(bob, alice.agent);
  expect(loads).toHaveLength(1);
});

it("HS1 that comes while it is being loaded is kept up to a bound; whoever was dropped asks again", async () => {
  const world = await createWorld();
  const bob = await world.party("bob");
  const alice = await world.party("alice");
  const frame = new Uint8Array(16 * 1024).fill(0x11);
  for (let sent = 0; sent < 9; sent++) world.inject(bob.agent, frame);
  expect(bob.handshakes.counters.refused).toEqual({ pending: 1 });
  const small = await world.party("small");
  for (let sent = 0; sent < 65; sent++) world.inject(small.agent, frame.subarray(0, 100));
  expect(small.handshakes.counters.refused).toEqual({ pending: 1 });
  const dialled = alice.handshakes.dial(bob.agent, { timeout: 15_000 });
  await world.advance(20);
  expect(bob.handshakes.counters.refused).toEqual({ pending: 2 });
  loads[0]?.arrive();
  await world.advance(3_000);
  expect((await dialled).peer.id).toBe("bob");
});

it("what cannot be loaded is loaded again with the next HS1", async () => {
  const world = await createWorld();
  const alice = await world.party("alice");
  const bob = await world.party("bob");
  const dialled = alice.handshakes.dial(bob.agent, { timeout: 15_000 });
  await world.advance(20);
  loads[0]?.fail();
  await world.advance(2_000);
  expect(bob.handshakes.counters.refused).toEqual({ unavailable: 1 });
  expect(loads).toHaveLength(2);
  loads[1]?.arrive();
  await world.advance(2_000);
  expect((await dialled).peer.id).toBe("bob");
});

it("an agent that closes meanwhile answers nobody", async () => {
  const world = await createWorld();
  const alice = await world.party("alice");
  const bob = await world.party("bob");
  const failed = alice.handshakes.dial(bob.agent, { timeout: 1_000 }).catch(({ code }: { code: string }) => code);
  await world.advance(20);
  bob.handshakes.close();
  loads[0]?.arrive();
  await world.advance(2_000);
  expect(await failed).toBe("no_answer");
  expect(world.log.filter(({ from, frame }) => from === "bob" && (frame[0] as number) % 16 === 2)).toEqual([]);
});
