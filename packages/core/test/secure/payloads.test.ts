import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { decodeTlvs } from "../../src/secure/tlv.js";
import { type Lies, rawHs1, rawHs2, tlv } from "./raw.js";
import { createWorld, type Packet, typeOf } from "./world.js";

/** Peers that hold valid keys and tokens, and say something wrong inside the encrypted handshake. */

const instance = "r".repeat(22);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const without = (type: number) => (bytes: Uint8Array) =>
  concat(...(decodeTlvs(bytes) ?? []).filter((one) => one.type !== type).map((one) => tlv(one.type, one.value)));
const replaced = (type: number, value: Uint8Array | number[]) => (bytes: Uint8Array) =>
  concat(...(decodeTlvs(bytes) ?? []).map((one) => tlv(one.type, one.type === type ? value : one.value)));
const appended =
  (type: number, value: Uint8Array | number[] = []) =>
  (bytes: Uint8Array) =>
    concat(bytes, tlv(type, value));

/** What alice makes of an HS2 with these lies: the code her dial ends with, or "established". */
async function asResponder(lies: Lies): Promise<string> {
  const world = await createWorld();
  const alice = await world.party("alice", { suites: [1] });
  const bob = await world.authority.enroll("bob");
  const answers: Promise<void>[] = [];
  world.tap = (packet: Packet) => {
    if (typeOf(packet) === 1 && answers.length === 0)
      answers.push(rawHs2(bob, instance, "agent/bob", packet.frame, world.runtime.clock.wall(), lies).then(({ frame }) => world.inject(alice.inbox, frame)));
    return [packet];
  };
  const result = alice.handshakes.dial("agent/bob" as never, { timeout: 9_000 }).then(
    () => "established",
    (error: { code: string }) => error.code,
  );
  await world.settle();
  await Promise.all(answers);
  await world.settle();
  if (world.log.some((packet) => typeOf(packet) === 3)) return "confirmed";
  await world.advance(9_000);
  return result;
}

/** What bob makes of an HS3 with these lies: "established", or what he counted. */
async function asInitiator(lies: Lies, options: Parameters<typeof rawHs1>[4] = {}): Promise<string> {
  const world = await createWorld();
  const bob = await world.party("bob", { suites: [1] });
  const alice = await world.authority.enroll("alice");
  const dialler = await rawHs1(alice, instance, "agent/bob", world.runtime.clock.wall(), options);
  world.inject(bob.agent, dialler.frame);
  await world.settle();
  const hs2 = world.log.find((packet) => typeOf(packet) === 2);
  if (hs2 === undefined) return Object.keys(bob.handshakes.counters.refused).join();
  world.inject(bob.inbox, await dialler.hs3(hs2.frame, lies));
  await world.settle();
  expect(bob.accepted.length).toBe(bob.handshakes.counters.established);
  if (bob.accepted.length === 1) return "established";
  expect(world.log.some((packet) => typeOf(packet) === 4)).toBe(false);
  return Object.keys(bob.handshakes.counters.refused).join();
}

describe("the raw peer is right when it does not lie", () => {
  it("as responder and as initiator", async () => {
    expect(await asResponder({})).toBe("confirmed");
    expect(await asInitiator({})).toBe("established");
  });
});

describe("TM-40 unknown TLVs: an ignorable one is ignored, a critical or reserved one aborts", () => {
  it.each([0x40, 0x42, 0x7e])("ignorable %i", async (type) => {
    expect(await asResponder({ tlvs: appended(type, [1, 2, 3]) })).toBe("confirmed");
    expect(await asInitiator({ tlvs: appended(type) })).toBe("established");
  });
  it.each([0x41, 0x7f])("critical %i", async (type) => {
    expect(await asResponder({ tlvs: appended(type) })).toBe("handshake_failed");
    expect(await asInitiator({ tlvs: appended(type, [1]) })).toBe("handshake_failed");
  });
  it.each([0x09, 0x3e, 0x80, 0xfe])("reserved %i", async (type) => {
    expect(await asResponder({ tlvs: appended(type) })).toBe("handshake_failed");
    expect(await asInitiator({ tlvs: appended(type) })).toBe("handshake_failed");
  });
  it("type 0", async () => expect(await asInitiator({ tlvs: (bytes) => concat(tlv(0, []), bytes) })).toBe("handshake_failed"));
});

describe("TM-41 a payload that is not exactly what the protocol says aborts", () => {
  const broken: [string, Lies][] = [
    ["a TLV twice", { tlvs: (bytes) => concat(bytes, tlv(0x40, []), tlv(0x40, [])) }],
    ["descending TLVs", { tlvs: (bytes) => concat(bytes, tlv(0x44, []), tlv(0x42, [])) }],
    ["something after the proof", { payload: (bytes) => concat(bytes, Uint8Array.of(0)) }],
    ["the proof cut short", { payload: (bytes) => bytes.slice(0, -1) }],
    ["nothing", { payload: () => new Uint8Array(0) }],
    ["no token", { tlvs: without(1) }],
    ["no session id", { tlvs: without(2) }],
    ["no suites", { tlvs: without(3) }],
    ["no time", { tlvs: without(4) }],
    ["no limits", { tlvs: without(5) }],
    ["no instance", { tlvs: without(7) }],
    ["no proof", { payload: without(0xff) }],
    ["an empty token", { tlvs: replaced(1, []) }],
    ["a token over 8 KiB", { tlvs: replaced(1, new Uint8Array(8_193).fill(97)) }],
    ["a token that is not UTF-8", { tlvs: replaced(1, [0xff, 0xfe]) }],
    ["an odd suite list", { tlvs: replaced(3, [1]) }],
    ["an empty suite list", { tlvs: replaced(3, []) }],
    ["a time of seven bytes", { tlvs: replaced(4, new Uint8Array(7)) }],
    ["limits of fifteen bytes", { tlvs: replaced(5, new Uint8Array(15)) }],
    ["an instance outside its grammar", { tlvs: replaced(7, text(`${"r".repeat(21)}/`)) }],
  ];
  it.each(broken)("%s", async (_name, lies) => {
    expect(await asResponder(lies)).toBe("handshake_failed");
    expect(await asInitiator(lies)).toBe("handshake_failed");
  });
  it("a link value belongs to message 3, and only there", async () => {
    expect(await asResponder({ tlvs: appended(8, [1]) })).toBe("handshake_failed");
    expect(await asInitiator({ tlvs: without(8) })).toBe("handshake_failed");
  });
  it("a key beside a token that holds its own", async () => {
    expect(await asInitiator({ fields: { jwk: '{"kty":"OKP"}' } })).toBe("invalid_token");
  });
});

describe("TM-42 a proof counts for one side of one handshake and one payload only", () => {
  const lies: [string, Lies][] = [
    ["made over another handshake", { h: new Uint8Array(32) }],
    ["made for another purpose", { proofType: "tightbeam-relay+jws" }],
    ["of other TLVs", { payload: (bytes) => replaced(4, new Uint8Array(8))(bytes) }],
    ["that is no JWS", { payload: (bytes) => replaced(0xff, text("a.b.c"))(bytes) }],
  ];
  it.each(lies)("%s", async (_name, lie) => {
    expect(await asResponder(lie)).toBe("invalid_token");
    expect(await asInitiator(lie)).toBe("invalid_token");
  });
  it("in the other role", async () => {
    expect(await asResponder({ role: "initiator" })).toBe("invalid_token");
    expect(await asInitiator({ role: "responder" })).toBe("invalid_token");
  });
});

describe("TM-43 what the proof binds must be what the frames said", () => {
  it("session id", async () => {
    expect(await asResponder({ fields: { sessionId: new Uint8Array(8) } })).toBe("wrong_peer");
    expect(await asInitiator({ fields: { sessionId: new Uint8Array(8) } })).toBe("wrong_peer");
  });
  it("instance", async () => {
    expect(await asResponder({ fields: { instance: "x".repeat(22) } })).toBe("wrong_peer");
    expect(await asInitiator({ fields: { instance: "x".repeat(22) } })).toBe("wrong_peer");
  });
  it("reply address of another agent", async () => {
    expect(await asResponder({ headerReplyTo: `inbox/mallory/${instance}` })).toBe("wrong_peer");
    expect(await asInitiator({}, { replyTo: `inbox/mallory/${instance}` })).toBe("wrong_peer");
  });
  it("suites: a responder that would have preferred another one we offer, an initiator that offered others", async () => {
    expect(await asInitiator({ fields: { suites: [1, 0x0101] } })).toBe("suites_changed,handshake_failed");
    const world = await createWorld();
    const alice = await world.party("alice", { suites: [1, 0x0101] });
    const bob = await world.authority.enroll("bob");
    let answer: Promise<void> | undefined;
    world.tap = (packet) => {
      if (typeOf(packet) === 1)
        answer ??= rawHs2(bob, instance, "agent/bob", packet.frame, 0, { fields: { suites: [0x0101, 1] } }).then(({ frame }) =>
          world.inject(alice.inbox, frame),
        );
      return [];
    };
    const result = alice.handshakes.dial("agent/bob" as never, { timeout: 9_000 }).catch((error: { code: string }) => error.code);
    await world.settle();
    await answer;
    await world.advance(9_100);
    expect(await result).toBe("handshake_failed");
    expect(world.log.some((packet) => typeOf(packet) === 3)).toBe(false);
  });
  it("one's own instance in another's mouth is refused as self", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { suites: [1] });
    let answer: Promise<void> | undefined;
    world.tap = (packet) => {
      if (typeOf(packet) === 1)
        answer ??= rawHs2(alice.identity, alice.instance, "agent/alice", packet.frame, 0).then(({ frame }) => world.inject(alice.inbox, frame));
      return [];
    };
    const result = alice.handshakes.dial(alice.agent, { timeout: 9_000 }).catch((error: { code: string }) => error.code);
    await world.settle();
    await answer;
    await world.advance(9_100);
    expect(await result).toBe("self");
  });
});

it("the X25519 key inside Noise is kept for 24 h and then replaced", async () => {
  const world = await createWorld();
  const alice = await world.party("alice", { suites: [1] });
  const bob = await world.authority.enroll("bob");
  world.tap = () => [];
  const sentBy = async (type: number, after: number): Promise<Uint8Array> => {
    for (let i = 0; i < 5_000; i++) {
      const found = world.log.slice(after).find((packet) => typeOf(packet) === type);
      if (found !== undefined) return found.frame;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`no frame of type ${type} was sent`);
  };
  const noiseKey = async (): Promise<string> => {
    const before = world.log.length;
    const dial = alice.handshakes.dial("agent/bob" as never, { timeout: 9_000 }).catch(() => undefined);
    const raw = await rawHs2(bob, instance, "agent/bob", await sentBy(1, before), world.runtime.clock.wall());
    world.inject(alice.inbox, raw.frame);
    raw.read(await sentBy(3, before));
    await world.advance(9_100);
    await dial;
    return Buffer.from(raw.handshake.remoteStaticKey ?? []).toString("hex");
  };
  const keys = [await noiseKey(), await noiseKey()];
  await world.runtime.advance(24 * 3_600_000);
  keys.push(await noiseKey());
  expect(keys[0]).toHaveLength(64);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).not.toBe(keys[0]);
});
