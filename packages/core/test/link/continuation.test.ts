import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crypto } from "../../src/crypto/index.js";
import type { TightbeamError } from "../../src/errors.js";
import * as limits from "../../src/limits.js";
import { type Agreement, type Continuation, createContinuation, type LinkRecord } from "../../src/link/continuation.js";
import type { LinkEnd } from "../../src/link/link-types.js";
import { decodeLinkOffer, encodeLinkOffer } from "../../src/link/resume.js";
import { createVirtualRuntime } from "../../src/runtime/virtual.js";
import type { Peer } from "../../src/secure/types.js";
import { inboxAddress } from "../../src/transport/address.js";

const { random } = createVirtualRuntime({ seed: 1 });
const { sha256 } = crypto();
const zeros = [0, 0, 0, 0];

/** Where a link stands, as far as continuation asks. */
interface Place {
  nextExpected: readonly number[];
  nextToSend: readonly number[];
  acknowledged: readonly number[];
}

interface Side {
  readonly instance: string;
  readonly issuer: string;
  readonly place: Place;
  readonly records: Map<string, LinkRecord>;
  readonly ended: { readonly link: LinkEnd; readonly code: string }[];
  readonly continuation: Continuation;
}

function side(letter: string, issuer = "https://auth.example"): Side {
  const records = new Map<string, LinkRecord>();
  const ended: { link: LinkEnd; code: string }[] = [];
  const instance = letter.repeat(22);
  const endLink = (link: LinkEnd, error: TightbeamError): void => void ended.push({ link, code: error.code });
  const continuation = createContinuation({ sha256, random, instance, records, endLink });
  return { instance, issuer, records, ended, continuation, place: { nextExpected: zeros, nextToSend: zeros, acknowledged: zeros } };
}

const peerOf = ({ instance, issuer }: Side): Peer => ({ id: "peer", instance, issuer, inbox: inboxAddress("peer", instance) }) as Peer;
const recordOf = (at: Side, other: Side): LinkRecord | undefined => at.records.get(peerOf(other).inbox);

/** Stands in for `links.ts`: a finished handshake gives its record a link. */
function attach(at: Side, peer: Peer, { record, generation }: Agreement): void {
  const current = Math.max(record.link?.generation() ?? 0, generation);
  const link =
    record.link ??
    ({ peer, next: () => ({ expected: at.place.nextExpected, toSend: at.place.nextToSend, acknowledged: at.place.acknowledged }) } as unknown as LinkEnd);
  record.link = Object.assign(link, { generation: () => current });
}

type Change = (link: Uint8Array) => Uint8Array;
const same: Change = (link) => link;

/** One handshake in three steps, so that two can cross; what the network cannot do, a peer may: `change` its LINK. */
function begin(from: Side, to: Side, change: { readonly offer?: Change; readonly answer?: Change } = {}) {
  const [h, final] = [random.bytes(32), random.bytes(32)];
  const [toPeer, fromPeer] = [peerOf(to), peerOf(from)];
  const offer = (change.offer ?? same)(from.continuation.offer(toPeer, h));
  return {
    accept() {
      const { continued, link, agreement } = to.continuation.accept(fromPeer, offer, h, final);
      attach(to, fromPeer, agreement);
      return {
        continued,
        conclude() {
          const concluded = from.continuation.conclude(toPeer, (change.answer ?? same)(link), continued, final);
          attach(from, toPeer, concluded);
          return { continued, generation: concluded.generation };
        },
      };
    },
  };
}

const handshake = (from: Side, to: Side, change?: Parameters<typeof begin>[2]) => begin(from, to, change).accept().conclude();
const withLast = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
const withHalf = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 0 ? byte ^ 1 : byte));
const withNext =
  (lane: number, value: number): Change =>
  (bytes) => {
    const offer = decodeLinkOffer(bytes);
    return encodeLinkOffer({ ...offer, next: offer.next.map((old, i) => (i === lane ? value : old)) });
  };

describe("TM-68 a link continues only between the two that made it", () => {
  test("a first handshake begins a link; those that follow, from either side, continue it", () => {
    const [a, b] = [side("a"), side("b")];
    expect(handshake(a, b)).toEqual({ continued: false, generation: 0 });
    expect(recordOf(a, b)?.key).toEqual(recordOf(b, a)?.key);
    expect(handshake(a, b)).toEqual({ continued: true, generation: 1 });
    expect(handshake(b, a)).toEqual({ continued: true, generation: 2 });
    expect([...a.ended, ...b.ended]).toEqual([]);
  });

  test("two dials at once, neither knowing of the other, are one link", () => {
    const [a, b] = [side("a"), side("b")];
    const [first, second] = [begin(a, b), begin(b, a)];
    const [atB, atA] = [first.accept(), second.accept()];
    const links = [recordOf(a, b)?.link, recordOf(b, a)?.link];
    expect([atB.conclude(), atA.conclude()]).toEqual(Array(2).fill({ continued: false, generation: 0 }));
    expect([recordOf(a, b)?.link, recordOf(b, a)?.link]).toEqual(links);
    expect(recordOf(a, b)?.key).toEqual(recordOf(b, a)?.key);
    expect(handshake(a, b).continued).toBe(true);
    expect([...a.ended, ...b.ended]).toEqual([]);
  });

  test("a dial whose READY was lost, and then the other side's renewal: the same link, which its initiator never saw begin (G-01)", () => {
    const [alice, bob] = [side("A"), side("B")];
    begin(bob, alice).accept();
    const { link } = recordOf(alice, bob) as LinkRecord;
    expect(begin(alice, bob).accept().conclude()).toEqual({ continued: false, generation: 1 });
    expect([alice.ended, bob.ended]).toEqual([[], []]);
    expect(recordOf(alice, bob)?.link).toBe(link);
    expect(recordOf(alice, bob)?.key).toEqual(recordOf(bob, alice)?.key);
    expect(begin(bob, alice).accept().conclude()).toEqual({ continued: true, generation: 2 });
  });

  test("no generation is offered twice: a handshake that failed here may have succeeded there (G-01)", () => {
    const [alice, bob] = [side("A"), side("B")];
    const generations: number[] = [];
    for (let tries = 0; tries < 3; tries++) {
      const offer = alice.continuation.offer(peerOf(bob), random.bytes(32));
      generations.push(decodeLinkOffer(offer).generation);
      attach(bob, peerOf(alice), bob.continuation.accept(peerOf(alice), offer, random.bytes(32), random.bytes(32)).agreement);
    }
    expect(generations).toEqual([0, 1, 2]);
    expect(handshake(alice, bob)).toEqual({ continued: true, generation: 3 });
    // Two at once, too.
    expect([begin(alice, bob), begin(alice, bob)].map((each) => each.accept().conclude().generation)).toEqual([4, 5]);
  });

  test("two that have lost each other's halves and dial at once come to one link, whatever the links were that they had (G-01)", () => {
    const [alice, bob] = [side("A"), side("B")];
    handshake(alice, bob);
    // Each was the responder of a dial of the other's that the other gave up: both have links, and neither has the other's half.
    recordOf(alice, bob)?.peerHalf?.fill(1);
    recordOf(bob, alice)?.peerHalf?.fill(2);
    for (const at of [alice, bob]) Object.assign(at.place, { nextToSend: [0, 0, 5, 0], acknowledged: [0, 0, 2, 0] });
    const [first, second] = [begin(alice, bob), begin(bob, alice)];
    const [atBob, atAlice] = [first.accept(), second.accept()];
    expect([alice.ended, bob.ended].map((ended) => ended.map(({ code }) => code))).toEqual([["delivery_unknown"], ["delivery_unknown"]]);
    expect([atBob.conclude(), atAlice.conclude()]).toEqual(Array(2).fill({ continued: false, generation: 1 }));
    expect(recordOf(alice, bob)?.key).toEqual(recordOf(bob, alice)?.key);
    for (const at of [alice, bob]) Object.assign(at.place, { nextToSend: zeros, acknowledged: zeros });
    expect(handshake(alice, bob).continued).toBe(true);
    expect([alice.ended, bob.ended].map(({ length }) => length)).toEqual([1, 1]);
  });

  test("a peer that calls a link new of which it has acknowledged something has lost its state, whatever half it shows", () => {
    const [alice, bob] = [side("A"), side("B")];
    begin(bob, alice).accept();
    alice.place.nextToSend = [0, 0, 5, 0];
    alice.place.acknowledged = [0, 0, 2, 0];
    expect(() => begin(alice, bob).accept().conclude()).toThrow(expect.objectContaining({ code: "link_state_lost" }));
  });

  test("offers to instances whose handshakes never finish are forgotten, the oldest first; links are not", () => {
    const a = side("a");
    const b = side("b");
    handshake(a, b);
    for (let count = 0; count < 3 * limits.handshakesPending; count++) begin(a, { ...b, instance: String(count).padEnd(22, "x") });
    expect(a.records.size).toBe(limits.handshakesPending + 1);
    expect(handshake(a, b).continued).toBe(true);
    const last = { ...b, instance: "y".repeat(22), records: new Map<string, LinkRecord>(), continuation: side("y").continuation };
    expect(handshake(a, last).continued).toBe(false);
    expect([...a.ended, ...b.ended]).toEqual([]);
  });

  test("a wrong MAC is refused on both sides and changes nothing", () => {
    const [a, b] = [side("a"), side("b")];
    handshake(a, b);
    const before = [recordOf(a, b)?.key, recordOf(b, a)?.key];
    expect(() => handshake(a, b, { offer: withLast })).toThrow(expect.objectContaining({ code: "auth" }));
    expect(() => handshake(a, b, { answer: withLast })).toThrow(expect.objectContaining({ code: "auth" }));
    expect(() => handshake(a, b, { answer: withHalf })).toThrow(expect.objectContaining({ code: "auth" }));
    expect(() => handshake(a, b, { answer: (link) => link.slice(0, 60) })).toThrow(expect.objectContaining({ code: "auth" }));
    expect([recordOf(a, b)?.key, recordOf(b, a)?.key]).toEqual(before);
    expect(handshake(a, b).continued).toBe(true);
    expect([...a.ended, ...b.ended]).toEqual([]);
  });

  test("a MAC counts for one role and one handshake", () => {
    const [a, b] = [side("a"), side("b")];
    handshake(a, b);
    let recorded: Uint8Array = new Uint8Array();
    handshake(a, b, { offer: (link) => (recorded = link) });
    expect(() => handshake(a, b, { offer: () => recorded })).toThrow(expect.objectContaining({ code: "auth" }));
    // Mirrored: the initiator's own MAC with the responder's half around it.
    const mirror: Change = (link) => encodeLinkOffer({ ...decodeLinkOffer(link), mac: decodeLinkOffer(recorded).mac });
    expect(() => handshake(a, b, { answer: mirror })).toThrow(expect.objectContaining({ code: "auth" }));
  });

  test("another half under the same instance is a new link; the old one ends as unknown", () => {
    const [a, b] = [side("a"), side("b")];
    handshake(a, b);
    const [old, oldHalf] = [recordOf(b, a)?.link, recordOf(b, a)?.half];
    const again = side("a");
    expect(handshake(again, b)).toEqual({ continued: false, generation: 0 });
    expect(b.ended).toEqual([{ link: old, code: "delivery_unknown" }]);
    expect(recordOf(b, a)?.half).not.toEqual(oldHalf);
  });

  test("a responder that lost its state says so; the initiator's link ends as unknown", () => {
    const [a, b] = [side("a"), side("b")];
    handshake(a, b);
    const old = recordOf(a, b)?.link;
    expect(handshake(a, side("b")).continued).toBe(false);
    expect(a.ended).toEqual([{ link: old, code: "delivery_unknown" }]);
  });

  test("the same half and MAC from another issuer continue nothing", () => {
    const [a, b] = [side("a"), side("b")];
    handshake(a, b);
    const old = recordOf(b, a)?.link;
    const other: Side = { ...a, issuer: "https://other.example" };
    expect(begin(other, b).accept().continued).toBe(false);
    expect(b.ended).toEqual([{ link: old, code: "delivery_unknown" }]);
  });
});

describe("the places of a link must fit", () => {
  function linked() {
    const [a, b] = [side("a"), side("b")];
    handshake(a, b);
    Object.assign(a.place, { nextToSend: [0, 0, 9, 0], acknowledged: [0, 0, 5, 0] });
    Object.assign(b.place, { nextExpected: [0, 0, 7, 0], nextToSend: [0, 0, 3, 0] });
    return { a, b };
  }

  test("within what was sent they are an acknowledgement", () => {
    const { a, b } = linked();
    expect(handshake(a, b).continued).toBe(true);
    expect(handshake(a, b, { answer: withNext(2, 9) }).continued).toBe(true);
  });

  test.each([
    ["beyond what was sent, in message 3", { offer: withNext(2, 4) }],
    ["in a lane that was never used, in message 3", { offer: withNext(0, 1) }],
    ["beyond what was sent, in READY", { answer: withNext(2, 10) }],
    ["below what READY's reader knew to have come", { answer: withNext(2, 4) }],
  ])("%s: link_state_lost", (_, change) => {
    const { a, b } = linked();
    expect(() => handshake(a, b, change)).toThrow(expect.objectContaining({ code: "link_state_lost" }));
    expect([...a.ended, ...b.ended]).toEqual([]);
  });
});

describe("LINK", () => {
  test("what was written is read back, and every other length is malformed", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const next = fc.array(
      fc.maxSafeNat().map((value) => value % 2 ** 48),
      { minLength: 4, maxLength: 4 },
    );
    const offer = fc.record({ half: bytes(32), generation: fc.nat(), next, mac: fc.option(bytes(32), { nil: undefined }) });
    fc.assert(
      fc.property(offer, (value) => {
        expect(decodeLinkOffer(encodeLinkOffer(value))).toEqual(value);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        if (any.length === 60 || any.length === 92) expect(encodeLinkOffer(decodeLinkOffer(any))).toEqual(any);
        else expect(() => decodeLinkOffer(any)).toThrow(expect.objectContaining({ code: "malformed" }));
      }),
    );
  });
});
