import { describe, expect, it } from "vitest";
import { createCellBuffer } from "../../src/link/cells.js";
import type { Conversation } from "../../src/link/conversation.js";
import type { LinkOptions } from "../../src/link/link-types.js";
import { createPump, type PumpOwner } from "../../src/link/pump.js";
import type { LinkSessions } from "../../src/link/sessions.js";
import * as protocol from "../../src/protocol.js";

/** A conversation with `records` to send, and a runtime that keeps what it is asked for. */
function setUp(frontBytes?: number, length = 1, bestFrameBytes?: number) {
  const asked: { readonly when: "turn" | "soon"; readonly run: () => void }[] = [];
  const world = { records: 0, length, unacknowledged: false, sent: 0, prepared: 0, held: undefined as (() => void)[] | undefined, most: 0 };
  const timers = {
    after: () => () => undefined,
    turn: (run: () => void) => void asked.push({ when: "turn", run }),
    soon: (run: () => void) => void asked.push({ when: "soon", run }),
  };
  const conversation = {
    fill(_buffer: unknown, most: number) {
      world.most = most;
      return world.records > 0 ? world.length : 0;
    },
    sent: () => void world.records--,
    get wantsToSend() {
      return world.records > 0;
    },
    get unacknowledged() {
      return world.unacknowledged;
    },
  } as unknown as Conversation;
  const sends: { readonly frame: Uint8Array; readonly given: boolean | undefined }[] = [];
  const session = {
    seal: (plaintext: Uint8Array, front: number) => new Uint8Array(front + plaintext.length).subarray(front),
    lastSealed: 0,
    prepare: () => void world.prepared++,
  };
  const sessions = { current: { session, received: {} } } as unknown as LinkSessions;
  const transport = {
    capabilities: { maxFrameBytes: 65_536, ...(frontBytes === undefined ? {} : { frontBytes }), ...(bestFrameBytes === undefined ? {} : { bestFrameBytes }) },
    state: { current: "up" },
    async send(_to: string, frame: Uint8Array, given?: boolean) {
      world.sent++;
      sends.push({ frame, given });
      await new Promise<void>((resolve) => (world.held === undefined ? resolve() : world.held.push(resolve)));
    },
  };
  const runtime = { clock: { monotonic: () => 0, wall: () => 0 }, timers, random: { bytes: (length: number) => new Uint8Array(length) } };
  const options = { runtime, transport, taps: { link: undefined }, scratch: createCellBuffer(65_536) } as unknown as LinkOptions;
  const owner = { peer: { inbox: "inbox/alice/1" }, arm: () => undefined, dropSession: () => undefined } as unknown as PumpOwner;
  const pump = createPump(options, conversation, sessions, owner);
  const run = async () => {
    asked.shift()?.run();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { pump, world, asked, sends, run, when: () => asked.map(({ when }) => when) };
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

  it("sends an ACK of large records in the same turn, whatever waits for the next one, and once", async () => {
    const { pump, world, run, when } = setUp();
    world.records = 1;
    world.unacknowledged = true;
    pump.wake();
    pump.acknowledge();
    pump.acknowledge();
    expect(when()).toEqual(["turn", "soon"]);
    await run();
    await run();
    expect(world.sent).toBe(1);
  });

  it.each([
    { bestFrameBytes: undefined, most: 65_536 },
    { bestFrameBytes: 32 * 1024, most: 32 * 1024 },
    { bestFrameBytes: 1024 * 1024, most: 65_536 },
  ])("fills records as far as frames are best, and never beyond what the medium takes: $bestFrameBytes", async ({ bestFrameBytes, most }) => {
    const { pump, world, run } = setUp(undefined, 1, bestFrameBytes);
    world.records = 1;
    pump.wake();
    await run();
    expect(world.most).toBe(most - protocol.dataHeaderBytes - protocol.tagBytes);
  });

  it.each([
    { frontBytes: undefined, length: 32 * 1024, given: false, front: 0, leftAfter: 0 },
    { frontBytes: 266, length: 32 * 1024, given: true, front: 266, leftAfter: 32 * 1024 },
    { frontBytes: 266, length: 16 * 1024 - 1, given: false, front: 0, leftAfter: 0 },
  ])(
    "gives large records to transports that take them over, and frees the others: $frontBytes, $length",
    async ({ frontBytes, length, given, front, leftAfter }) => {
      const { pump, world, run, sends } = setUp(frontBytes, length);
      world.records = 1;
      pump.wake();
      const before = sends.length;
      await run();
      const sent = sends[before];
      expect(sent?.given).toBe(given);
      // One that was given is the transport's to free; another is freed as soon as the transport has done with it.
      expect(sent?.frame.length).toBe(leftAfter);
      expect(sent?.frame.byteOffset).toBe(front);
    },
  );

  it.each([
    { frontBytes: 266, length: 64 * 1024, turns: [2, 4, 5] },
    { frontBytes: 266, length: 64 * 1024 - 1, turns: [1, 2, 3] },
    { frontBytes: undefined, length: 64 * 1024, turns: [1, 2, 3] },
  ])(
    "two large records that are taken over share a turn, so that their receiver is woken once: $frontBytes, $length",
    async ({ frontBytes, length, turns }) => {
      const { pump, world, run } = setUp(frontBytes, length);
      world.records = 5;
      pump.wake();
      for (const sent of turns) {
        await run();
        expect(world.sent).toBe(sent);
      }
    },
  );

  it("frees what it holds, and goes on, when the transport has done with all of a turn", async () => {
    const { pump, world, run, sends, when } = setUp(266, 64 * 1024);
    const held: (() => void)[] = [];
    world.held = held;
    world.records = 3;
    pump.wake();
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    // The second one is smaller, and so not given.
    Object.defineProperty(world, "length", { get: () => (world.sent === 0 ? 64 * 1024 : 8 * 1024) });
    await run();
    expect(sends.map(({ given }) => given)).toEqual([true, false]);
    held[0]?.();
    await settle();
    expect([sends[1]?.frame.length, when()]).toEqual([8 * 1024, []]);
    pump.wake();
    await run();
    expect(world.sent).toBe(2);
    held[1]?.();
    await settle();
    expect([sends[1]?.frame.length, when()]).toEqual([0, ["turn"]]);
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
