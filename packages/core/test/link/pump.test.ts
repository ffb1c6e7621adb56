import { describe, expect, it } from "vitest";
import { createCellBuffer } from "../../src/link/cells.js";
import type { Conversation } from "../../src/link/conversation.js";
import type { LinkOptions } from "../../src/link/link-types.js";
import { createPump, type PumpOwner } from "../../src/link/pump.js";
import type { LinkSessions } from "../../src/link/sessions.js";

/** A conversation with `records` to send, and a runtime that keeps what it is asked for. */
function setUp() {
  const asked: { readonly when: "turn" | "soon"; readonly run: () => void }[] = [];
  const world = { records: 0, unacknowledged: false, sent: 0, prepared: 0 };
  const timers = {
    after: () => () => undefined,
    turn: (run: () => void) => void asked.push({ when: "turn", run }),
    soon: (run: () => void) => void asked.push({ when: "soon", run }),
  };
  const conversation = {
    fill: () => (world.records > 0 ? 1 : 0),
    sent: () => void world.records--,
    get wantsToSend() {
      return world.records > 0;
    },
    get unacknowledged() {
      return world.unacknowledged;
    },
  } as unknown as Conversation;
  const session = { seal: () => new Uint8Array(40), lastSealed: 0, prepare: () => void world.prepared++ };
  const sessions = { current: { session, received: {} } } as unknown as LinkSessions;
  const transport = { capabilities: { maxFrameBytes: 65_536 }, state: { current: "up" }, send: async () => void world.sent++ };
  const runtime = { clock: { monotonic: () => 0, wall: () => 0 }, timers, random: { bytes: (length: number) => new Uint8Array(length) } };
  const options = { runtime, transport, scratch: createCellBuffer(1_000) } as unknown as LinkOptions;
  const owner = { peer: { inbox: "inbox/alice/1" }, arm: () => undefined, dropSession: () => undefined } as unknown as PumpOwner;
  const pump = createPump(options, conversation, sessions, owner);
  const run = async () => {
    asked.shift()?.run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { pump, world, asked, run, when: () => asked.map(({ when }) => when) };
}

describe("the pump", () => {
  it("sends what nothing asked for with the next turn, so that more can share the record", () => {
    const { pump, world, when } = setUp();
    world.records = 1;
    pump.wake();
    pump.wake();
    expect(when()).toEqual(["turn"]);
  });

  it("answers in the same turn, one record for each that came", async () => {
    const { pump, world, asked, run, when } = setUp();
    world.records = 2;
    pump.answering = true;
    pump.wake();
    expect(when()).toEqual(["soon"]);
    await run();
    expect([world.sent, when()]).toEqual([1, ["turn"]]);
    await run();
    expect([world.sent, asked.length]).toEqual([2, 0]);
  });

  it("answers with the next turn while earlier messages are under way", () => {
    const { pump, world, when } = setUp();
    world.records = 1;
    world.unacknowledged = true;
    pump.answering = true;
    pump.wake();
    expect(when()).toEqual(["turn"]);
  });

  it("makes the next ciphers while the peer works, and not for a link that only says that it is there", async () => {
    const { pump, world, run } = setUp();
    for (const unacknowledged of [false, true]) {
      world.records = 1;
      pump.wake();
      world.unacknowledged = unacknowledged;
      await run();
      expect(world.prepared).toBe(unacknowledged ? 1 : 0);
    }
  });
});
