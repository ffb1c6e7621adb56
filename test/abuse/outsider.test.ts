import type { Agent } from "@tightbeam/core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeFrame, frameType } from "../../packages/websocket/src/protocol.js";
import { type Carried, type Conn, carried, type Meddle, type Packet, pass, recarried } from "../../packages/websocket/test/tap.js";
import { createField, type Field, failure, pause, within } from "./field.js";

/*
 * Whoever stands on the wire, or is the relay: reads, drops, repeats, reorders, readdresses, splices and changes frames. He gets denial and
 * nothing else: while he works and afterwards every confirmed message arrives once, and nobody is anyone else.
 */

let field: Field;
let carol: Agent;
beforeAll(async () => {
  field = await createField();
  carol = await field.join("carol");
  field.alice.handle("whoami", (_, { peer }) => peer.id);
  await carol.link("alice");
});
afterEach(() => {
  field.tap.meddle = pass;
});
afterAll(() => field.close());

type OnData = (frame: Carried, packet: Packet) => readonly Uint8Array[];

/** Applies to DATA on its way to the relay, while everything else passes. */
const data =
  (change: OnData): Meddle =>
  (packet) => {
    const frame = packet.way === "up" ? carried(packet.bytes) : undefined;
    return frame?.kind === 4 ? change(frame, packet) : [packet.bytes];
  };
const flipped = (frame: Carried, at: number): Uint8Array => {
  const body = frame.body.slice();
  const index = at < 0 ? body.length + at : at;
  body[index] = (body[index] as number) ^ (1 << (index % 8));
  return recarried(frame, { body });
};
const connOf = (name: string): Conn => [...field.tap.conns].find((conn) => conn.name === name) as Conn;

let count = 0;
const every = (n: number): boolean => ++count % n === 0;
const held: { conn: Conn; bytes: Uint8Array }[] = [];
const release = (): void => {
  for (const { conn, bytes } of held.splice(0).reverse()) conn.toRelay(bytes);
};
const inboxOf = (agent: Agent): string => `inbox/${agent.id}/${agent.instance}`;

const onData: { readonly name: string; readonly meddle: () => Meddle }[] = [
  { name: "drops one frame in three", meddle: () => data((_, { bytes }) => (every(3) ? [] : [bytes])) },
  { name: "plays every frame three times", meddle: () => data((_, { bytes }) => [bytes, bytes, bytes]) },
  {
    name: "holds eight frames and lets them go in reverse",
    meddle: () =>
      data((_, { conn, bytes }) => {
        held.push({ conn, bytes });
        if (held.length >= 8) release();
        return [];
      }),
  },
  ...[0, 1, 3, 8, 11, 15, 19, 20, -1].map((at) => ({
    name: `flips a bit of byte ${at} in one frame of two, and lets the true one pass as well in one of four`,
    meddle: () => data((frame, { bytes }) => (every(4) ? [flipped(frame, at), bytes] : every(2) ? [flipped(frame, at)] : [bytes])),
  })),
  {
    name: "cuts frames short",
    meddle: () => data((frame, { bytes }) => (every(2) ? [recarried(frame, { body: frame.body.subarray(0, count % frame.body.length) })] : [bytes])),
  },
  { name: "adds bytes", meddle: () => data((frame, { bytes }) => (every(2) ? [recarried(frame, { body: Uint8Array.from([...frame.body, 0]) })] : [bytes])) },
  {
    name: "sends frames back to their sender",
    meddle: () => data((frame, { conn, bytes }) => [recarried(frame, { address: inboxOf(conn.name === "alice" ? field.alice : field.bob) }), bytes]),
  },
  {
    name: "sends frames to others in place of the receiver",
    meddle: () => data((frame, { bytes }) => (every(3) ? [recarried(frame, { address: inboxOf(carol) })] : [bytes])),
  },
  {
    name: "sends frames to the agent's address in place of the instance's",
    meddle: () => data((frame, { bytes }) => (every(3) ? [recarried(frame, { address: `agent/${frame.address.split("/")[1]}` })] : [bytes])),
  },
  {
    name: "puts the session id of one link on frames of another",
    meddle: () => {
      const ids = new Map<string, Uint8Array>();
      return data((frame, { bytes }) => {
        const id = ids.get(frame.address);
        ids.set(frame.address, frame.body.slice(4, 12));
        const [other] = [...ids].filter(([address]) => address !== frame.address).map(([, found]) => found);
        if (id === undefined || other === undefined || !every(3)) return [bytes];
        const body = frame.body.slice();
        body.set(other, 4);
        return [recarried(frame, { body }), bytes];
      });
    },
  },
  {
    name: "splices the head of one frame to the body of another",
    meddle: () => {
      let last: Carried | undefined;
      return data((frame, { bytes }) => {
        const spliced =
          last === undefined || last.body.length < 36
            ? []
            : [recarried(frame, { body: Uint8Array.from([...frame.body.subarray(0, 20), ...last.body.subarray(20)]) })];
        last = frame;
        return [...spliced, bytes];
      });
    },
  },
  {
    name: "puts noise among the frames",
    meddle: () =>
      data((frame, { bytes }) => [recarried(frame, { body: new Uint8Array(100).fill(count++ & 255) }), recarried(frame, { body: new Uint8Array(0) }), bytes]),
  },
];

describe("somebody on the wire", () => {
  it.each(onData)("$name: everything confirmed arrives once", async ({ meddle }) => {
    count = 0;
    const stop = field.traffic();
    field.tap.meddle = meddle();
    await pause(400);
    release();
    field.tap.meddle = pass;
    release();
    expect(await stop()).toBeGreaterThan(0);
    await field.peace();
  });

  it("plays yesterday's frames, of sessions that ended and of this one: nothing runs twice", async () => {
    const tape: Uint8Array[] = [];
    field.tap.meddle = ({ way, bytes }) => {
      if (way === "up" && carried(bytes) !== undefined) tape.push(bytes);
      return [bytes];
    };
    let ran = 0;
    field.alice.handle("once", () => ++ran);
    await carol.request("alice", "once");
    for (const link of carol.links("alice")) link.close();
    await within(5_000, "the end", () => field.alice.links("carol").length === 0);
    await carol.request("alice", "once");
    expect(ran).toBe(2);
    const yesterday = tape.splice(0);
    field.tap.meddle = pass;
    const started = field.alice.status().handshakes.established;
    for (let round = 0; round < 3; round++) for (const bytes of yesterday) connOf("carol").toRelay(bytes);
    await pause(300);
    expect(ran).toBe(2);
    expect(field.alice.status().handshakes.established).toBe(started);
    expect(await carol.request("alice", "once")).toBe(3);
    await field.peace();
  });

  it("is the relay and lies to a client: wrong numbers, wrong frames, floods of PING and ERR: the client reconnects or ignores it", async () => {
    const lies: Uint8Array[] = [
      encodeFrame(frameType.msg, 77_777, new Uint8Array(0), new Uint8Array(50)),
      encodeFrame(frameType.subOk, 77_777, new Uint8Array(0), new Uint8Array(0)),
      encodeFrame(frameType.dropped, 77_777, new Uint8Array(0), new Uint8Array(8)),
      encodeFrame(frameType.err, 77_777, new Uint8Array(0), new Uint8Array([13])),
      encodeFrame(frameType.err, 0, new TextEncoder().encode(inboxOf(field.alice)), new Uint8Array([13, 0x1b, 0x5b])),
      encodeFrame(frameType.challenge, 0, new Uint8Array(0), new Uint8Array(33)),
      encodeFrame(frameType.welcome, 0, new Uint8Array(0), new Uint8Array(16)),
      encodeFrame(frameType.login, 0, new Uint8Array(0), new Uint8Array(16)),
      new Uint8Array(0),
      new Uint8Array(40).fill(0xff),
      new Uint8Array([9, 0, 0, 0, 1, 0xff, 0xff]),
    ];
    for (const lie of lies) {
      const stop = field.traffic();
      connOf("bob").toClient(lie);
      await pause(60);
      expect(await stop()).toBeGreaterThan(0);
      await field.peace();
    }
    for (let ping = 0; ping < 2_000; ping++) connOf("bob").toClient(encodeFrame(frameType.ping, 1, new Uint8Array(0), new Uint8Array(0)));
    await field.peace();
  }, 60_000);

  it("cuts every connection, five times in a row", async () => {
    const stop = field.traffic();
    for (let round = 0; round < 5; round++) {
      for (const conn of [...field.tap.conns]) conn.cut();
      await pause(60);
    }
    expect(await stop()).toBeGreaterThan(0);
    await field.peace();
  });
});

/** While a new agent dials alice. The first frame of the kind is treated so; the honest repetition that follows must succeed. */
const onHandshake: { readonly name: string; readonly kind: number; change(frame: Carried, packet: Packet): readonly Uint8Array[] }[] = [
  { name: "HS1 to bob instead of alice", kind: 1, change: (frame) => [recarried(frame, { address: "agent/bob" })] },
  { name: "HS1 to both", kind: 1, change: (frame, { bytes }) => [recarried(frame, { address: "agent/bob" }), bytes] },
  { name: "HS1 to alice's instance instead of her name", kind: 1, change: (frame) => [recarried(frame, { address: inboxOf(field.alice) })] },
  { name: "HS1 back to its sender", kind: 1, change: (frame, { conn }) => [recarried(frame, { address: `agent/${conn.name}` })] },
  { name: "HS1 a hundred times", kind: 1, change: (_, { bytes }) => Array.from({ length: 100 }, () => bytes) },
  {
    name: "HS1 with another suite list",
    kind: 1,
    change: (frame) => {
      const at = 12 + 8 + 2 + (((frame.body[20] as number) << 8) | (frame.body[21] as number));
      return [recarried(frame, { body: Uint8Array.from([...frame.body.subarray(0, at), 2, 0x01, 0x01, 0x00, 0x01, ...frame.body.subarray(at + 3)]) })];
    },
  },
  {
    name: "HS1 that asks for the answer to be sent to carol",
    kind: 1,
    change: (frame) => {
      const length = ((frame.body[20] as number) << 8) | (frame.body[21] as number);
      const other = new TextEncoder().encode(inboxOf(carol));
      return [
        recarried(frame, {
          body: Uint8Array.from([...frame.body.subarray(0, 20), other.length >> 8, other.length & 255, ...other, ...frame.body.subarray(22 + length)]),
        }),
      ];
    },
  },
  { name: "HS2 with a bit flipped", kind: 2, change: (frame) => [flipped(frame, -1)] },
  { name: "HS2 to somebody else", kind: 2, change: (frame) => [recarried(frame, { address: inboxOf(carol) })] },
  { name: "HS2 twice, and once back to alice", kind: 2, change: (frame, { bytes }) => [bytes, bytes, recarried(frame, { address: inboxOf(field.alice) })] },
  {
    name: "a forged RETRY before HS2",
    kind: 2,
    change: (frame, { bytes }) => [
      recarried(frame, { body: Uint8Array.from([0x15, 0, 1, 1, ...frame.body.subarray(4, 12), 52, ...new Uint8Array(52)]) }),
      bytes,
    ],
  },
  { name: "HS3 with a bit flipped", kind: 3, change: (frame) => [flipped(frame, 40)] },
  { name: "HS3 twenty times", kind: 3, change: (_, { bytes }) => Array.from({ length: 20 }, () => bytes) },
  { name: "HS3 to bob", kind: 3, change: (frame) => [recarried(frame, { address: inboxOf(field.bob) })] },
  { name: "READY lost", kind: 4, change: () => [] },
];

describe("somebody on the wire of a handshake sends", () => {
  let dialler = 0;
  it.each(onHandshake)("$name: the dial reaches alice all the same, as who it is", async ({ kind, change }) => {
    const name = `dialler-${dialler++}`;
    const agent = await field.join(name);
    let done = false;
    field.tap.meddle = (packet) => {
      const frame = packet.way === "up" ? carried(packet.bytes) : undefined;
      const ours = packet.conn.name === name || frame?.address.startsWith(`inbox/${name}/`) === true;
      if (done || frame?.kind !== kind || !ours) return [packet.bytes];
      done = true;
      return change(frame, packet);
    };
    const stop = field.traffic();
    expect(await agent.request("alice", "whoami")).toBe(name);
    expect(done).toBe(true);
    expect(agent.links("alice")[0]?.peer.id).toBe("alice");
    expect(field.alice.links(name)).toHaveLength(1);
    expect(await stop()).toBeGreaterThan(0);
    await field.peace();
    await agent.close();
  });

  it("HS2 of two dials, each to the other: neither counts, the next do", async () => {
    const agents = [await field.join("left"), await field.join("right")];
    const swapped = new Map<string, Carried>();
    field.tap.meddle = ({ way, bytes }) => {
      const frame = way === "up" ? carried(bytes) : undefined;
      if (frame?.kind !== 2 || swapped.size >= 2) return [bytes];
      swapped.set(frame.address, frame);
      if (swapped.size < 2) return [];
      const [a, b] = [...swapped.values()] as [Carried, Carried];
      return [recarried(a, { address: b.address }), recarried(b, { address: a.address })];
    };
    expect(await Promise.all(agents.map((agent) => agent.request("alice", "whoami")))).toEqual(["left", "right"]);
    expect(swapped.size).toBe(2);
    await field.peace();
  });

  it("every handshake frame changed, for as long as it takes: handshake_failed or no_answer, and no link", async () => {
    for (const kind of [1, 2, 3]) {
      const agent = await field.join(`hopeless-${kind}`);
      field.tap.meddle = ({ way, bytes }) => {
        const frame = way === "up" ? carried(bytes) : undefined;
        return frame?.kind === kind ? [flipped(frame, -1)] : [bytes];
      };
      const error = await failure(agent.request("alice", "whoami", null, { timeout: 600 }));
      expect(["handshake_failed", "no_answer"]).toContain(error.code);
      expect(agent.links()).toEqual([]);
      expect(field.alice.links(agent.id)).toEqual([]);
      field.tap.meddle = pass;
    }
    await field.peace();
  });
});
