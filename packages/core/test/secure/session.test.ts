import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crypto } from "../../src/crypto/index.js";
import { nativeProvider } from "../../src/crypto/native.js";
import { type NodeCrypto, nodeCrypto } from "../../src/crypto/node-crypto.js";
import type { Aead } from "../../src/crypto/provider.js";
import { sessionIdToBytes } from "../../src/frame/frame.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { rekey } from "../../src/secure/key-chain.js";
import { createSession, type SessionLimits } from "../../src/secure/session.js";
import type { Session } from "../../src/secure/types.js";

const epochSize = 65_536;
const minute = 60_000;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

interface Use {
  readonly key: string;
  readonly nonce: string;
}

/** Writes down every key and nonce that seals a record. */
function watchedAead(): { readonly aead: Aead; readonly uses: Use[]; failNext: boolean } {
  const inner = crypto().chachaPoly;
  const watch = {
    uses: [] as Use[],
    failNext: false,
    aead: {
      sealInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array) {
        watch.uses.push({ key: hex(key), nonce: hex(nonce) });
        if (watch.failNext) {
          watch.failNext = false;
          throw new Error("the device failed");
        }
        inner.sealInto(out, key, nonce, aad, plaintext);
      },
      open: inner.open.bind(inner),
    } satisfies Aead,
  };
  return watch;
}

function pair(limits: Partial<SessionLimits> = {}, aead: Aead = crypto().chachaPoly) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const keys = [runtime.random.bytes(32), runtime.random.bytes(32)] as const;
  const common = { suite: 0x0101, hash: new Uint8Array(32), exporter: new Uint8Array(32), clock: runtime.clock, limits } as const;
  const owned = { aliceSend: keys[0].slice(), aliceReceive: keys[1].slice(), bobSend: keys[1].slice(), bobReceive: keys[0].slice() };
  const alice = createSession({ ...common, aead, localId: 42, remoteId: sessionIdToBytes(77), sendKey: owned.aliceSend, receiveKey: owned.aliceReceive });
  const bob = createSession({
    ...common,
    aead: crypto().chachaPoly,
    localId: 77,
    remoteId: sessionIdToBytes(42),
    sendKey: owned.bobSend,
    receiveKey: owned.bobReceive,
  });
  return { runtime, alice, bob, keys, owned };
}

/** Everything a receiver may not change for a frame that was refused. */
const state = (session: Session): unknown => ({
  epoch: { ...{ send: session.epoch.send, receive: session.epoch.receive } },
  opened: session.counters.opened,
  openedBytes: session.counters.openedBytes,
  last: session.lastOpened,
  ended: session.ended,
});

describe("a session carries records both ways", () => {
  it("any plaintext, the empty one too", () => {
    const { alice, bob } = pair();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), (plaintext, fromAlice) => {
        const [from, to] = fromAlice ? [alice, bob] : [bob, alice];
        const frame = from.seal(plaintext);
        expect(frame.length).toBe(36 + plaintext.length);
        expect(to.open(frame)).toEqual(plaintext);
        expect(to.lastOpened).toBe(from.lastSealed);
      }),
    );
  });
  it("the frame is the header of the protocol, then what the AEAD makes of it", () => {
    const { alice, keys } = pair();
    alice.seal(text("first"));
    const frame = alice.seal(text("second"));
    expect(hex(frame.subarray(0, 20))).toBe(`14000000${hex(sessionIdToBytes(77))}0000000000000001`);
    const expected = new Uint8Array(6 + 16);
    crypto().chachaPoly.sealInto(expected, keys[0], Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), frame.subarray(0, 20), text("second"));
    expect(frame.subarray(20)).toEqual(expected);
  });
  it("counts", () => {
    const { alice, bob } = pair();
    bob.open(alice.seal(text("12345")));
    expect(alice.counters).toMatchObject({ sealed: 1, sealedBytes: 5 });
    expect(bob.counters).toMatchObject({ opened: 1, openedBytes: 5 });
  });
});

describe("TM-21 a record that is not whole, fresh and from the peer is refused, and leaves no trace but a count", () => {
  it("a flipped bit in every byte of header, ciphertext and tag", () => {
    const { alice, bob } = pair();
    bob.open(alice.seal(text("hello")));
    const frame = alice.seal(text("attack at dawn"));
    const before = state(bob);
    for (let at = 0; at < frame.length; at++) {
      for (const bit of [1, 0x80]) {
        const damaged = frame.slice();
        damaged[at] = (damaged[at] as number) ^ bit;
        expect(bob.open(damaged)).toBeUndefined();
        expect(state(bob)).toEqual(before);
      }
    }
    const { malformed, epoch, replayed, auth } = bob.counters.refused;
    expect(malformed + epoch + replayed + auth).toBe(2 * frame.length);
    expect(bob.open(frame)).toEqual(text("attack at dawn"));
  });
  it("every truncation, and trailing bytes", () => {
    const { alice, bob } = pair();
    const frame = alice.seal(text("attack at dawn"));
    for (let length = 0; length < frame.length; length++) expect(bob.open(frame.subarray(0, length))).toBeUndefined();
    expect(bob.open(Uint8Array.from([...frame, 0]))).toBeUndefined();
    expect(bob.open(frame)).toEqual(text("attack at dawn"));
  });
  it("a replay, at once and later", () => {
    const { alice, bob } = pair();
    const frame = alice.seal(text("pay 10"));
    expect(bob.open(frame)).toBeDefined();
    expect(bob.open(frame)).toBeUndefined();
    for (let i = 0; i < 5_000; i++) bob.open(alice.seal(text("x")));
    expect(bob.open(frame)).toBeUndefined();
    expect(bob.counters.refused.replayed).toBe(2);
  });
  it("a record reflected to its sender", () => {
    const { alice } = pair();
    const frame = alice.seal(text("hello"));
    expect(alice.open(frame)).toBeUndefined();
    frame.set(sessionIdToBytes(42), 4);
    expect(alice.open(frame)).toBeUndefined();
    expect(alice.counters.refused).toMatchObject({ malformed: 1, auth: 1 });
  });
  it("a record of another session", () => {
    const { bob, runtime } = pair();
    const other = createSession({
      suite: 0x0101,
      localId: 42,
      remoteId: sessionIdToBytes(77),
      sendKey: new Uint8Array(32).fill(9),
      receiveKey: new Uint8Array(32).fill(8),
      hash: new Uint8Array(32),
      exporter: new Uint8Array(32),
      aead: crypto().chachaPoly,
      clock: runtime.clock,
    });
    expect(bob.open(other.seal(text("hello")))).toBeUndefined();
    expect(bob.counters.refused.auth).toBe(1);
  });
  it("any bytes at all", () => {
    const { bob } = pair();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(bob.open(bytes)).toBeUndefined();
      }),
    );
  });
});

describe("counters", () => {
  it("reordering inside the window loses nothing, a gap is no error, below the window is refused", () => {
    const { alice, bob } = pair();
    const frames = Array.from({ length: 5_000 }, (_, i) => alice.seal(text(String(i))));
    expect(bob.open(frames[4_999] as Uint8Array)).toBeDefined();
    expect(bob.open(frames[4_999 - 4_063] as Uint8Array)).toBeDefined();
    expect(bob.open(frames[4_999 - 4_064] as Uint8Array)).toBeUndefined();
    expect(bob.open(frames[2_000] as Uint8Array)).toBeDefined();
  });
  it("TM-22 a counter is spent even when sealing fails, so no nonce is used twice with one key", () => {
    const watch = watchedAead();
    const { alice, bob, runtime } = pair({ rekeyAfterBytes: 500 }, watch.aead);
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes: fc.nat(100), wait: fc.constantFrom(0, 0, 0, minute, 11 * minute), fails: fc.boolean() }), { minLength: 10, maxLength: 50 }),
        (steps) => {
          for (const { bytes, wait, fails } of steps) {
            runtime.advanceSync(wait);
            watch.failNext = fails;
            let frame: Uint8Array | undefined;
            try {
              frame = alice.seal(new Uint8Array(bytes));
            } catch {
              watch.failNext = false;
            }
            if (frame !== undefined) bob.open(frame);
          }
        },
      ),
    );
    // Rekey seals the same 32 zeros whenever it runs, so running it again after a failure gives nothing away.
    const records = watch.uses.filter(({ nonce }) => !nonce.endsWith("ff"));
    const seen = new Set(records.map(({ key, nonce }) => `${key} ${nonce}`));
    expect(records.length).toBeGreaterThan(400);
    expect(seen.size).toBe(records.length);
  });
  it("TM-23 the hard stop ends the session: nothing is sealed past it and the keys are gone", () => {
    const { alice, bob, owned } = pair({ counterMax: 3 });
    for (let i = 0; i < 3; i++) expect(bob.open(alice.seal(text("x")))).toBeDefined();
    expect(() => alice.seal(text("x"))).toThrowError(expect.objectContaining({ code: "session_ended" }));
    expect(alice.ended).toBe(true);
    expect(owned.aliceSend).toEqual(new Uint8Array(32));
  });
});

describe("TM-24 keys change by count, by time and by volume, without a message and without losing what is in flight", () => {
  it("by count: epoch = counter >> 16, key = Noise Rekey of the one before", () => {
    const { alice, bob, keys } = pair();
    for (let i = 0; i < epochSize - 1; i++) alice.seal(text(""));
    const last = alice.seal(text("last of epoch 0"));
    const first = alice.seal(text("first of epoch 1"));
    expect(alice.epoch.send).toBe(1);
    expect(alice.lastSealed).toBe(epochSize);
    const opened = crypto().chachaPoly.open(
      rekey(crypto().chachaPoly, keys[0]),
      Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
      first.subarray(0, 20),
      first.subarray(20),
    );
    expect(opened).toEqual(text("first of epoch 1"));
    expect(bob.open(first)).toEqual(text("first of epoch 1"));
    expect(bob.epoch.receive).toBe(1);
    expect(bob.open(last)).toEqual(text("last of epoch 0"));
    expect(bob.epoch.receive).toBe(1);
  });
  it("by time: the counter jumps to the next multiple of 2^16 after 10 minutes", () => {
    const { alice, bob, runtime } = pair();
    alice.seal(text("a"));
    runtime.advanceSync(10 * minute - 1);
    alice.seal(text("b"));
    expect(alice.epoch.send).toBe(0);
    runtime.advanceSync(1);
    expect(bob.open(alice.seal(text("c")))).toEqual(text("c"));
    expect([alice.epoch.send, alice.lastSealed]).toEqual([1, epochSize]);
    runtime.advanceSync(9 * minute);
    alice.seal(text("d"));
    expect(alice.lastSealed).toBe(epochSize + 1);
  });
  it("by volume", () => {
    const { alice } = pair({ rekeyAfterBytes: 100 });
    for (const epoch of [0, 0, 1, 1, 2]) {
      alice.seal(new Uint8Array(50));
      expect(alice.epoch.send).toBe(epoch);
    }
  });
  it("records in flight across a jump are opened within 60 s in any order, and not after", () => {
    const { alice, bob, runtime } = pair();
    const old = Array.from({ length: 10 }, (_, i) => alice.seal(text(`old ${i}`)));
    runtime.advanceSync(10 * minute);
    const fresh = Array.from({ length: 10 }, (_, i) => alice.seal(text(`new ${i}`)));
    expect(bob.open(fresh[9] as Uint8Array)).toBeDefined();
    for (let i = 8; i >= 0; i--) {
      expect(bob.open(old[i] as Uint8Array)).toBeDefined();
      expect(bob.open(fresh[i] as Uint8Array)).toBeDefined();
    }
    expect(bob.open(old[3] as Uint8Array)).toBeUndefined();
    expect(bob.counters.refused.replayed).toBe(1);
    runtime.advanceSync(minute);
    expect(bob.open(old[9] as Uint8Array)).toBeUndefined();
    expect(bob.counters.refused.epoch).toBe(1);
  });
  it("a whole epoch may be lost; its successor still opens, and its stragglers too", () => {
    const { alice, bob, runtime } = pair();
    const epochs = Array.from({ length: 4 }, (_, epoch) => {
      if (epoch > 0) runtime.advanceSync(10 * minute);
      return [alice.seal(text(`${epoch}a`)), alice.seal(text(`${epoch}b`))] as const;
    });
    expect(bob.open((epochs[0] as readonly Uint8Array[])[0] as Uint8Array)).toBeDefined();
    expect(bob.open((epochs[3] as readonly Uint8Array[])[0] as Uint8Array)).toEqual(text("3a"));
    expect(bob.open((epochs[2] as readonly Uint8Array[])[1] as Uint8Array)).toEqual(text("2b"));
    expect(bob.open((epochs[1] as readonly Uint8Array[])[0] as Uint8Array)).toBeUndefined();
    expect(bob.open((epochs[0] as readonly Uint8Array[])[1] as Uint8Array)).toBeUndefined();
    expect(bob.counters.refused.epoch).toBe(2);
  });
  it("64 epochs ahead opens, 65 does not, and forged epochs move nothing", () => {
    const ahead = (epochs: number): { frame: Uint8Array; bob: Session } => {
      const { alice, bob, runtime } = pair();
      let frame = alice.seal(text("x"));
      for (let i = 0; i < epochs; i++) {
        runtime.advanceSync(10 * minute);
        frame = alice.seal(text("x"));
      }
      return { frame, bob };
    };
    const near = ahead(64);
    const forged = near.frame.slice();
    forged[40 - 4] = (forged[36] as number) ^ 1;
    expect(near.bob.open(forged)).toBeUndefined();
    expect(near.bob.epoch.receive).toBe(0);
    expect(near.bob.open(near.frame)).toBeDefined();
    expect(near.bob.epoch.receive).toBe(64);
    const far = ahead(65);
    expect(far.bob.open(far.frame)).toBeUndefined();
    expect(far.bob.counters.refused.epoch).toBe(1);
  });
  it("a flood of forged epochs costs at most 64 derivations in all", () => {
    const watch = watchedAead();
    const { alice, bob } = pair({}, watch.aead);
    for (let round = 0; round < 20; round++) {
      for (let epoch = 1; epoch <= 70; epoch++) {
        const frame = new Uint8Array(36);
        frame.set(bob.seal(text("")).subarray(0, 20));
        frame[12 + 5] = epoch;
        frame[12 + 4] = 0;
        expect(alice.open(frame)).toBeUndefined();
      }
    }
    expect(watch.uses.length).toBe(64);
    expect(alice.open(bob.seal(text("still here")))).toEqual(text("still here"));
  });
});

describe("ends", () => {
  it("TM-25 after so many forgeries the session opens nothing more", () => {
    const { alice, bob, owned } = pair({ sessionFailuresMax: 10 });
    const good = alice.seal(text("x"));
    const bad = alice.seal(text("y"));
    bad[35] = (bad[35] as number) ^ 1;
    for (let i = 0; i < 9; i++) expect(bob.open(bad)).toBeUndefined();
    expect(bob.ended).toBe(false);
    expect(bob.open(bad)).toBeUndefined();
    expect(bob.ended).toBe(true);
    expect(bob.open(good)).toBeUndefined();
    expect(owned.bobReceive).toEqual(new Uint8Array(32));
    expect(() => bob.seal(text("x"))).toThrowError(expect.objectContaining({ code: "session_ended" }));
  });
  it("replays and misdirected frames do not end a session: they cost their sender nothing, and us no safety", () => {
    const { alice, bob } = pair({ sessionFailuresMax: 10 });
    const frame = alice.seal(text("x"));
    for (let i = 0; i < 100; i++) bob.open(frame);
    for (let i = 0; i < 100; i++) bob.open(new Uint8Array(50));
    expect(bob.ended).toBe(false);
  });
  it("TM-26 end() erases every key: current, previous and those ahead", () => {
    const watch: Uint8Array[] = [];
    const inner = crypto().chachaPoly;
    const aead: Aead = {
      sealInto: inner.sealInto.bind(inner),
      open(key, nonce, aad, ciphertext) {
        watch.push(key);
        return inner.open(key, nonce, aad, ciphertext);
      },
    };
    const { alice, bob, owned, runtime } = pair({}, aead);
    const old = bob.seal(text("old"));
    runtime.advanceSync(10 * minute);
    expect(alice.open(bob.seal(text("new")))).toBeDefined();
    expect(alice.open(old)).toBeDefined();
    const farAhead = bob.seal(text("z"));
    farAhead[12 + 5] = 9;
    expect(alice.open(farAhead)).toBeUndefined();
    const keys = new Set(watch);
    expect(keys.size).toBe(3);
    for (const key of keys) expect(key.some((byte) => byte !== 0)).toBe(true);
    alice.end();
    alice.end();
    for (const key of keys) expect(key.every((byte) => byte === 0)).toBe(true);
    expect(owned.aliceSend.every((byte) => byte === 0)).toBe(true);
    expect(alice.open(bob.seal(text("late")))).toBeUndefined();
  });
  it("the previous epoch's key is erased 60 s later, and a used send key at once", () => {
    const { alice, bob, owned, runtime } = pair();
    bob.open(alice.seal(text("a")));
    runtime.advanceSync(10 * minute);
    bob.open(alice.seal(text("b")));
    expect(owned.aliceSend.every((byte) => byte === 0)).toBe(true);
    expect(owned.bobReceive.some((byte) => byte !== 0)).toBe(true);
    runtime.advanceSync(minute);
    bob.open(alice.seal(text("c")));
    expect(owned.bobReceive.every((byte) => byte === 0)).toBe(true);
  });
});

describe("ciphers made ahead of time", () => {
  const native = nativeProvider().chachaPoly as Aead;
  const node = nodeCrypto() as NodeCrypto;

  /** node:crypto that counts what it makes. */
  function counting() {
    const watch = { made: 0, aead: native };
    const { createCipheriv, createDecipheriv } = node;
    const counted = <Args extends unknown[], Result>(make: (...args: Args) => Result) => {
      return (...args: Args): Result => {
        watch.made += 1;
        return make(...args);
      };
    };
    watch.aead = nativeProvider({ ...node, createCipheriv: counted(createCipheriv), createDecipheriv: counted(createDecipheriv) }).chachaPoly as Aead;
    watch.made = 0;
    return watch;
  }

  it("are used for the next frame each way, and not made again", () => {
    const watch = counting();
    const { alice, bob } = pair({}, watch.aead);
    bob.open(alice.seal(text("1")));
    alice.open(bob.seal(text("2")));
    watch.made = 0;
    alice.prepare();
    alice.prepare();
    expect(watch.made).toBe(2);
    expect(bob.open(alice.seal(text("3")))).toEqual(text("3"));
    expect(alice.open(bob.seal(text("4")))).toEqual(text("4"));
    expect(watch.made).toBe(2);
    alice.seal(text("5"));
    expect(watch.made).toBe(3);
  });

  it("change no byte and refuse what is refused without them, whatever is lost, late, forged or rekeyed", () => {
    const step = fc.constantFrom("prepare", "send", "send", "lose", "delay", "late", "forge", "wait");
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), fc.integer({ min: 1, max: 200 }), (steps, rekeyAfterBytes) => {
        const [plainly, ahead] = [pair({ rekeyAfterBytes }, { sealInto: native.sealInto, open: native.open }), pair({ rekeyAfterBytes }, native)];
        const delayed: Uint8Array[] = [];
        const give = (to: "alice" | "bob", frame: Uint8Array) => expect(ahead[to].open(frame)).toEqual(plainly[to].open(frame));
        const seal = (from: "alice" | "bob", plaintext: Uint8Array) => {
          const frame = ahead[from].seal(plaintext);
          expect(hex(frame)).toBe(hex(plainly[from].seal(plaintext)));
          return frame;
        };
        for (const [index, name] of steps.entries()) {
          const plaintext = new Uint8Array(index * 3).fill(index);
          if (name === "prepare") for (const one of [ahead.alice, ahead.bob]) one.prepare();
          else if (name === "lose") seal("bob", plaintext);
          else if (name === "delay") delayed.push(seal("bob", plaintext));
          else if (name === "late") give("alice", delayed.pop() ?? seal("bob", plaintext));
          else if (name === "wait") for (const { runtime } of [plainly, ahead]) runtime.advanceSync(6 * minute);
          else if (name === "forge") {
            const frame = seal("bob", plaintext);
            const forged = frame.slice();
            forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
            give("alice", forged);
            give("alice", frame);
          } else {
            give("bob", seal("alice", plaintext));
            give("alice", seal("bob", plaintext));
          }
        }
        expect(state(ahead.alice)).toEqual(state(plainly.alice));
      }),
      { numRuns: 150 },
    );
  });

  it("are gone when the session has ended", () => {
    const { alice, bob } = pair({}, native);
    const frame = bob.seal(text("1"));
    bob.open(alice.seal(text("2")));
    alice.prepare();
    alice.end();
    alice.prepare();
    expect(alice.open(frame)).toBeUndefined();
    expect(() => alice.seal(text("3"))).toThrowError(expect.objectContaining({ code: "session_ended" }));
  });

  it("are for one session: another one's header is refused", () => {
    const { alice, bob } = pair({}, native);
    bob.prepare();
    const frame = alice.seal(text("hello"));
    frame[11] = (frame[11] as number) ^ 1;
    expect(bob.open(frame)).toBeUndefined();
    expect(bob.counters.refused.malformed).toBe(1);
  });
});
