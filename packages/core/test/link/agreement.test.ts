import fc from "fast-check";
import { expect, test } from "vitest";
import { crypto } from "../../src/crypto/index.js";
import { createContinuation, type LinkRecord } from "../../src/link/continuation.js";
import type { LinkEnd } from "../../src/link/link-types.js";
import { createLinkSession, createLinkSessions, type LinkSession } from "../../src/link/sessions.js";
import { createVirtualRuntime } from "../../src/runtime/virtual.js";
import type { Established, Peer } from "../../src/secure/types.js";
import { inboxAddress } from "../../src/transport/address.js";

const runtime = createVirtualRuntime({ seed: 1 });
const { random } = runtime;
const nothing = [0, 0, 0, 0];

interface Side {
  /** Another one for each handshake, as each proves who the peer is. */
  peer(): Peer;
  readonly continuation: ReturnType<typeof createContinuation>;
  readonly sessions: ReturnType<typeof createLinkSessions>;
  /** By handshake. */
  readonly has: Map<number, LinkSession>;
  attach(handshake: number, role: Established["role"], record: LinkRecord, generation: number): void;
}

/** What `link.ts` and `links.ts` make of one link, without what it carries. */
function side(own: string, other: string): Side {
  const instance = own.repeat(22);
  const peer = (): Peer =>
    ({
      id: "peer",
      issuer: "issuer",
      instance: other.repeat(22),
      inbox: inboxAddress("peer", other.repeat(22)),
      token: { expiresAt: Infinity },
    }) as unknown as Peer;
  const sessions = createLinkSessions();
  const link = {
    peer: peer(),
    generation: () => sessions.generation,
    next: () => ({ expected: nothing, toSend: nothing, acknowledged: nothing }),
  } as unknown as LinkEnd;
  const endLink = (): void => {
    throw new Error("The link ended.");
  };
  const has = new Map<number, LinkSession>();
  return {
    peer,
    continuation: createContinuation({ sha256: crypto().sha256, random, instance, records: new Map(), endLink }),
    sessions,
    has,
    attach(handshake, role, record, generation) {
      record.link = link;
      const live = createLinkSession({ role, peer: peer(), session: { counters: { opened: 0 } } } as unknown as Established, generation, instance, runtime);
      has.set(handshake, live);
      sessions.add(live, 0);
    },
  };
}

/** One record of each side, on the session it sends on. */
function speak(from: Side, to: Side): void {
  for (const [handshake, live] of from.has) {
    const heard = live === from.sessions.current ? to.has.get(handshake) : undefined;
    if (heard === undefined) continue;
    heard.session.counters.opened++;
    if (heard !== to.sessions.current) to.sessions.heard(heard, 0);
  }
}

/** Of two sides, which handshakes were begun by whom, and how far each has come: they cross as the steps say, and any of them may end before its READY comes. */
test("G-01 whatever handshakes cross, and whatever last message of them is lost: both sides send on one session as soon as there is one that both have", () => {
  const step = fc.record({ kind: fc.constantFrom("begin", "accept", "conclude", "lose", "speak"), by: fc.nat(1), which: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const sides = [side("A", "B"), side("B", "A")] as const;
      const open: {
        readonly id: number;
        readonly by: number;
        readonly peer: Peer;
        readonly h: Uint8Array;
        readonly final: Uint8Array;
        readonly offer: Uint8Array;
        answer?: { continued: boolean; link: Uint8Array };
      }[] = [];
      let handshakes = 0;
      for (const { kind, by, which } of steps) {
        const handshake = open[which % Math.max(1, open.length)];
        if (kind === "begin") {
          const [h, final] = [random.bytes(32), random.bytes(32)];
          const { continuation, peer } = sides[by] as Side;
          const dialled = peer();
          open.push({ id: handshakes++, by, peer: dialled, h, final, offer: continuation.offer(dialled, h) });
        } else if (kind === "speak") speak(sides[by] as Side, sides[1 - by] as Side);
        else if (handshake === undefined) continue;
        else if (kind === "lose") open.splice(open.indexOf(handshake), 1);
        else if (kind === "accept" && handshake.answer === undefined) {
          const to = sides[1 - handshake.by] as Side;
          const { agreement, continued, link } = to.continuation.accept(to.peer(), handshake.offer, handshake.h, handshake.final);
          to.attach(handshake.id, "responder", agreement.record, agreement.generation);
          handshake.answer = { continued, link };
        } else if (kind === "conclude" && handshake.answer !== undefined) {
          open.splice(open.indexOf(handshake), 1);
          const from = sides[handshake.by] as Side;
          const { record, generation } = from.continuation.conclude(handshake.peer, handshake.answer.link, handshake.answer.continued, handshake.final);
          from.attach(handshake.id, "initiator", record, generation);
        }
      }
      const [a, b] = sides;
      for (let round = 0; round < 2; round++) {
        speak(a, b);
        speak(b, a);
      }
      const shared = [...a.has.keys()].filter((id) => b.has.has(id));
      const current = (at: Side): number | undefined => [...at.has].find(([, live]) => live === at.sessions.current)?.[0];
      if (shared.length > 0) expect([shared.includes(current(a) as number), current(a)]).toEqual([true, current(b)]);
    }),
    { numRuns: 5_000 },
  );
});
