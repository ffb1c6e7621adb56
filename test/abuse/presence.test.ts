import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import type { PublicJwk } from "@tightbeam/core/identity";
import { address, type Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterEach, describe, expect, it } from "vitest";
import { concat } from "../../packages/core/src/bytes.js";
import * as limits from "../../packages/core/src/limits.js";
import { encodeHint, type Hint, hintText } from "../../packages/core/src/patterns/presence/hint.js";
import { until } from "../agents/settling.js";

const at = address("presence", "_");
const instanceOf = (n: number | string): string => String(n).padStart(22, "i");

/** Who may speak at the address and holds no token. */
function createMallory() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { kty, crv, x } = publicKey.export({ format: "jwk" });
  return { key: { kty, crv, x } as PublicJwk, privateKey };
}

const mallory = createMallory();

function forge(fields: Partial<Hint> = {}, { where = at, signer = mallory.privateKey }: { where?: typeof at; signer?: KeyObject } = {}): Uint8Array {
  const now = Date.now();
  const body = encodeHint({
    publishes: true,
    subscribes: true,
    serves: true,
    seeks: true,
    leaves: false,
    every: 10_000,
    counter: now,
    expires: now + 30_000,
    id: "mallory",
    instance: instanceOf("m"),
    key: mallory.key,
    ...fields,
  });
  return concat(body, sign(null, hintText(where, body), signer));
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Alice serves and bob looks; both are met. Mallory hears and says what she likes on the same hub. */
async function createField() {
  const hub = createHub();
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const dials = { count: 0 };
  const join = async (id: string, kinds: string[]): Promise<Agent> => {
    const medium = await connectMemory(hub);
    const transport: Transport = {
      ...medium,
      get state() {
        return medium.state;
      },
      send(to, frame) {
        // First handshake messages, repeats included.
        if (frame[0] === 0x11) dials.count++;
        return medium.send(to, frame);
      },
    };
    const identity = await authority.enroll(id, { permissions: ["serve:worker"] });
    const agent = await createAgent({ identity, trust: authority.trust(), transport, kinds, presence: { every: 500 } });
    closers.push(() => agent.close());
    return agent;
  };
  const alice = await join("alice", ["worker"]);
  alice.handle("echo", (input) => input);
  const bob = await join("bob", []);
  const heard: Uint8Array[] = [];
  const outside = await connectMemory(hub);
  closers.push(() => outside.close());
  await outside.subscribe(at, (frame) => void heard.push(frame));
  bob.peers();
  await until(() => bob.peers({ kind: "worker" }).length === 1 && heard.length > 2);
  const handled = (): number => {
    const { heard: right, refused, skipped } = alice.status().presence.counters;
    return right + refused + skipped;
  };
  return { alice, bob, heard, dials, say: (bytes: Uint8Array) => outside.send(at, bytes), handled };
}

const own = (heard: readonly Uint8Array[]): Uint8Array => heard.at(-1) as Uint8Array;
const bad: readonly { readonly name: string; readonly make: (heard: readonly Uint8Array[], alice: Agent) => Uint8Array }[] = [
  { name: "nothing", make: () => new Uint8Array(0) },
  { name: "noise", make: () => Uint8Array.from({ length: 300 }, (_, n) => (n * 73) % 256) },
  { name: "a hint with all bytes 0xff", make: () => new Uint8Array(200).fill(0xff) },
  { name: "60 KiB that begin like a hint", make: () => concat(forge(), new Uint8Array(60_000)) },
  { name: "a hint cut short", make: () => forge().subarray(0, -1) },
  { name: "a hint that is repeated", make: (heard) => own(heard) },
  { name: "a hint whose roles were changed on the way", make: (heard) => own(heard).map((byte, n) => (n === 1 ? byte ^ 1 : byte)) },
  { name: "a hint signed by another key", make: () => forge({}, { signer: createMallory().privateKey }) },
  { name: "a hint for another realm", make: () => forge({}, { where: address("presence", "acme") }) },
  { name: "a hint from the past", make: () => forge({ expires: Date.now() - 3_600_000 }) },
  { name: "a hint of the year 9999", make: () => forge({ expires: 253_402_300_799_000 }) },
  { name: "the largest counter", make: () => forge({ counter: Number.MAX_SAFE_INTEGER, id: "carol" }) },
  { name: "a goodbye in alice's name", make: (_, alice) => forge({ id: "alice", instance: alice.instance, leaves: true, counter: Number.MAX_SAFE_INTEGER }) },
  { name: "an Ed25519 key of small order", make: () => forge({ key: { kty: "OKP", crv: "Ed25519", x: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } }) },
  { name: "a P-256 key off the curve", make: () => forge({ key: { kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43) } }) },
];

describe("bad hints", () => {
  it("cost nobody anything: those who had met go on, and none of them leads to a link", async () => {
    const { alice, bob, heard, say, handled } = await createField();
    for (const { name, make } of bad) {
      const before = handled();
      await say(make(heard, alice));
      await until(() => handled() > before);
      expect(await bob.request({ kind: "worker" }, "echo", name)).toBe(name);
      expect(bob.peers({ kind: "worker" }), name).toHaveLength(1);
    }
    for (const agent of [alice, bob]) expect(agent.links()).toHaveLength(1);
  });

  it("TM-133: a flood of hints that are right in themselves costs a bounded number of dials, and those who had met go on", async () => {
    const { alice, bob, dials, say, handled } = await createField();
    const flood = Array.from({ length: 3_000 }, (_, n) => forge({ id: `agent-${n}`, instance: instanceOf(n) }));
    const before = { dials: dials.count, handled: handled(), memory: alice.status().memory.used };
    const start = performance.now();
    for (const bytes of flood) for (let twice = 0; twice < 2; twice++) await say(bytes);
    await until(() => handled() >= before.handled + 2 * flood.length);
    expect(await bob.request({ kind: "worker" }, "echo", 1)).toBe(1);
    const seconds = (performance.now() - start) / 1_000;
    const { counters } = alice.status().presence;
    expect(counters.dials).toBeLessThanOrEqual(limits.hintDialsBurst + 1 + Math.ceil(seconds * limits.hintDialsPerSecond));
    // Each of the two sends a first message at once and at most three times more.
    expect(dials.count - before.dials).toBeLessThanOrEqual(2 * 4 * (limits.hintDialsBurst + 1 + Math.ceil(seconds * limits.hintDialsPerSecond)));
    expect(counters.skipped + counters.refused).toBeGreaterThan(flood.length);
    expect(alice.links()).toHaveLength(1);
    expect(bob.peers({ kind: "worker" })).toHaveLength(1);
  });

  it("TM-137: a peer that was met is not lost in a flood", async () => {
    const { alice, bob, say } = await createField();
    let on = true;
    const flood = (async () => {
      for (let n = 0; on; n++) {
        await say(forge({ id: `agent-${n % 50}`, instance: instanceOf(n) }));
        if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(bob.peers({ kind: "worker" }).map(({ id }) => id)).toEqual(["alice"]);
    expect(await bob.request({ kind: "worker" }, "echo", 1)).toBe(1);
    on = false;
    await flood;
    expect(alice.status().presence.state).toBe("on");
  });
});
