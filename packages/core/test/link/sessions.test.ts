import { describe, expect, test } from "vitest";
import * as limits from "../../src/limits.js";
import { createLinkSession, createLinkSessions, type LinkSession, preferred } from "../../src/link/sessions.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import type { Established } from "../../src/secure/types.js";

const second = 1_000;
const minute = 60_000;
const hour = 60 * minute;
const [own, other] = ["A".repeat(22), "B".repeat(22)];

/** A session of a handshake that ends now, with a peer whose token has so long to live. */
function live({
  role = "initiator",
  tokenLeft = 30 * 24 * hour,
  generation = 0,
  seed = 1,
}: Partial<{ role: "initiator" | "responder"; tokenLeft: number; generation: number; seed: number }> = {}) {
  const runtime = createVirtualRuntime({ seed });
  const established = {
    role,
    session: { counters: { opened: 0 } },
    peer: { instance: other, token: { expiresAt: runtime.clock.wall() + tokenLeft } },
  } as unknown as Established;
  const from = runtime.clock.monotonic();
  const session = createLinkSession(established, generation, own, runtime);
  return { session, renewIn: session.renewAt - from, endIn: session.endAt - from };
}

describe("TM-27 a session's life", () => {
  test("its initiator makes the next one after 50 to 60 min, each time another", () => {
    const waits = Array.from({ length: 200 }, (_, seed) => live({ seed }).renewIn);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(50 * minute);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60 * minute);
    expect(new Set(waits).size).toBeGreaterThan(50);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(8 * minute);
  });

  test("or 30 s before the peer's token ends", () => expect(live({ tokenLeft: 20 * minute }).renewIn).toBe(20 * minute - 30 * second));

  test("is over after 24 h, or a minute after the peer's token, whatever happens", () => {
    expect(live().endIn).toBe(24 * hour);
    for (const tokenLeft of [5 * second, hour, 23 * hour]) expect(live({ tokenLeft }).endIn).toBe(tokenLeft + minute);
    expect(live({ tokenLeft: 24 * hour }).endIn).toBe(24 * hour);
    // One that counts for its last tolerated seconds only.
    expect(live({ tokenLeft: -50 * second }).endIn).toBe(10 * second);
  });

  test("its responder steps in 30 s before that end", () => {
    expect(live({ role: "responder" }).renewIn).toBe(24 * hour - 30 * second);
    expect(live({ role: "responder", tokenLeft: hour }).renewIn).toBe(hour + 30 * second);
  });

  test("nobody calls for the next one in its first 10 s", () => {
    for (const role of ["initiator", "responder"] as const)
      for (const tokenLeft of [-59 * second, 0, 20 * second]) expect(live({ role, tokenLeft }).renewIn).toBeGreaterThanOrEqual(10 * second);
  });
});

describe("of two sessions both sides send on", () => {
  const one = (generation: number, initiator: string): LinkSession => ({ ...live().session, generation, initiator });
  test("that of the higher generation, whoever began it", () => {
    expect(preferred(one(2, other), one(1, own))).toBe(true);
    expect(preferred(one(1, own), one(2, other))).toBe(false);
  });
  test("at equal generation that of the smaller instance: one answer on both sides", () => {
    expect([preferred(one(1, own), one(1, other)), preferred(one(1, other), one(1, own))]).toEqual([true, false]);
    expect(live({ role: "initiator" }).session.initiator).toBe(own);
    expect(live({ role: "responder" }).session.initiator).toBe(other);
  });
});

describe("the sessions of a link", () => {
  const at = (generation: number, more: Partial<LinkSession> = {}): LinkSession => ({ ...live({ generation }).session, ...more });

  test("a new one takes over, and the old one only receives, for 30 s", () => {
    const sessions = createLinkSessions();
    const [old, fresh] = [at(0), at(1)];
    sessions.add(old, 1_000);
    expect([sessions.current, sessions.endAt()]).toEqual([old, old.endAt]);
    sessions.add(fresh, 2_000);
    expect([sessions.current, sessions.all]).toEqual([fresh, [old, fresh]]);
    expect([old.drainUntil, fresh.drainUntil]).toEqual([32_000, Number.POSITIVE_INFINITY]);
    expect(sessions.endAt()).toBe(32_000);
  });

  test("one that comes late and is not preferred only receives from the start", () => {
    const sessions = createLinkSessions();
    const [newer, late] = [at(5), at(4)];
    sessions.add(newer, 0);
    sessions.add(late, 7_000);
    expect([sessions.current, late.drainUntil, newer.drainUntil]).toEqual([newer, 37_000, Number.POSITIVE_INFINITY]);
  });

  const from = (initiator: string, generation: number, opened = 0): LinkSession => {
    const { session } = live({ role: initiator === own ? "initiator" : "responder", generation });
    session.session.counters.opened = opened;
    return session;
  };

  test("G-01 one that the peer began is sent on from its first record on: READY may never have come", () => {
    const sessions = createLinkSessions();
    const [old, fresh] = [from(own, 0), from(other, 1)];
    sessions.add(old, 0);
    sessions.add(fresh, 1_000);
    expect([sessions.current, old.drainUntil, fresh.drainUntil]).toEqual([old, Number.POSITIVE_INFINITY, 31_000]);
    fresh.session.counters.opened = 1;
    sessions.heard(fresh, 2_000);
    expect([sessions.current, old.drainUntil, fresh.drainUntil]).toEqual([fresh, 32_000, Number.POSITIVE_INFINITY]);
    old.session.counters.opened = 1;
    sessions.heard(old, 3_000);
    expect([sessions.current, old.drainUntil]).toEqual([fresh, 32_000]);
  });

  test("G-01 one that nothing ever came on gives way to any that both sides have, and to the peer's next try", () => {
    const sessions = createLinkSessions();
    const [dead, retried, mine] = [from(other, 3), from(other, 4), from(own, 2)];
    sessions.add(dead, 0);
    expect(sessions.current).toBe(dead);
    sessions.add(retried, 0);
    expect(sessions.current).toBe(retried);
    sessions.add(mine, 0);
    expect(sessions.current).toBe(mine);
  });

  test("the highest generation is remembered beyond its session: the peer may still have that one", () => {
    const sessions = createLinkSessions();
    const high = at(7);
    expect(sessions.generation).toBe(0);
    for (const each of [at(1), high, at(2)]) sessions.add(each, 0);
    sessions.remove(high, 0);
    expect(sessions.generation).toBe(7);
  });

  test("when the one they send on ends, the best of the others serves again, and stays", () => {
    const sessions = createLinkSessions();
    const [first, second_, third] = [at(0), at(1), at(2)];
    for (const each of [first, second_, third]) sessions.add(each, 0);
    sessions.remove(third, 10);
    expect([sessions.current, second_.drainUntil]).toEqual([second_, Number.POSITIVE_INFINITY]);
    sessions.remove(first, 20);
    expect(sessions.current).toBe(second_);
    sessions.remove(second_, 30);
    expect([sessions.current, sessions.missingSince, sessions.all]).toEqual([undefined, 30, []]);
    sessions.add(at(3), 40);
    expect(sessions.missingSince).toBe(Number.POSITIVE_INFINITY);
  });

  test("a handshake is due at the soft end, at once without a session or with a silent peer, and after a try not sooner than 10 s", () => {
    const sessions = createLinkSessions();
    expect(sessions.renewAt(false)).toBe(0);
    const current = at(0);
    sessions.add(current, 0);
    expect(sessions.renewAt(false)).toBe(current.renewAt);
    expect(sessions.renewAt(true)).toBe(0);
    sessions.renewTriedAt = 5_000;
    expect(sessions.renewAt(true)).toBe(5_000 + limits.handshakeDeadlineMs);
    sessions.remove(current, 6_000);
    expect(sessions.renewAt(false)).toBe(15_000);
  });
});
