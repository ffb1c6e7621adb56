import * as limits from "../../src/limits.js";
import { createMemoryBudget, type MemoryBudget } from "../../src/link/budget.js";
import { createCellBuffer } from "../../src/link/cells.js";
import { type Conversation, createConversation } from "../../src/link/conversation.js";
import type { Delivery } from "../../src/link/message.js";
import { createReceivedCounter, type ReceivedCounter } from "../../src/link/order.js";
import type { AnnouncedLimits } from "../../src/secure/types.js";

/** Seeded chance for tests (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Faults {
  /** Probabilities per record. */
  drop: number;
  duplicate: number;
  /** A record waits until this many later ones have passed it (or nothing else is on its way for 20 ms). */
  reorder: number;
  reorderDepth: number;
  /** One way, ms. */
  delay: number;
  jitter: number;
  /** Bytes in a ms, each way, with room for any number of records before it; 0: no bound. */
  rate: number;
  /** Called per record: true = this one is lost. */
  filter?: ((from: number, record: Uint8Array) => boolean) | undefined;
}

export const calm: Faults = { drop: 0, duplicate: 0, reorder: 0, reorderDepth: 50, delay: 5, jitter: 0, rate: 0 };
export const announced: AnnouncedLimits = { maxMessageBytes: limits.messageMaxBytes, intakeCount: limits.intakeCount, intakeBytes: limits.intakeBytes };

export const numbered = (value: number, size = 32): Uint8Array => {
  const bytes = new Uint8Array(Math.max(size, 4));
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
};
export const numberOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);

export interface Side {
  readonly conversation: Conversation;
  readonly budget: MemoryBudget;
  readonly ended: { code: string; byPeer: boolean }[];
  onDelivery: (delivery: Delivery) => void;
  /** The medium is up for this side. */
  up: boolean;
  /** The process is there: a dead one neither sends nor receives. */
  alive: boolean;
  /** The most the counters ever showed. */
  readonly peak: { held: number; used: number; unacknowledged: number };
}

interface InFlight {
  at: number;
  order: number;
  readonly to: number;
  readonly record: Uint8Array;
  readonly counter: number;
}

export interface NetworkOptions {
  readonly seed: number;
  readonly faults?: Partial<Faults>;
  readonly goneAfterMs?: number;
  readonly limits?: AnnouncedLimits;
  readonly budget?: number;
  /** Largest record of each side. Small: one message a record; leave room for the ACKs of the other side. */
  readonly room?: readonly [number, number];
}

/** Two conversations over a faulty network with one virtual clock: no session, no socket, no real time. */
export function createNetwork(options: NetworkOptions) {
  const random = seeded(options.seed);
  const faults: Faults = { ...calm, ...options.faults };
  const session = {};
  const buffer = createCellBuffer(limits.recordTargetBytes);
  const room = options.room ?? [buffer.bytes.length, buffer.bytes.length];
  let now = 0;
  let order = 0;
  let records = 0;
  let bytes = 0;
  const flying: InFlight[] = [];
  const held: { record: InFlight; passes: number }[] = [];
  const events: { at: number; run: () => void }[] = [];
  const counters = [0, 0];
  const busyUntil = [0, 0];
  const received: [ReceivedCounter, ReceivedCounter] = [createReceivedCounter(), createReceivedCounter()];
  const own = options.limits ?? announced;

  const makeSide = (): Side => {
    const budget = createMemoryBudget(options.budget ?? limits.memoryBudgetBytes);
    const ended: Side["ended"] = [];
    const side: Side = {
      budget,
      ended,
      up: true,
      alive: true,
      peak: { held: 0, used: 0, unacknowledged: 0 },
      onDelivery: (delivery) => delivery.settle("ok"),
      conversation: createConversation({
        own,
        peer: own,
        budget,
        goneAfterMs: options.goneAfterMs ?? limits.goneAfterMs,
        sink: { deliver: (delivery) => side.onDelivery(delivery), ended: (code, byPeer) => ended.push({ code, byPeer }), wake() {} },
      }),
    };
    return side;
  };
  const sides: [Side, Side] = [makeSide(), makeSide()];

  const before = (a: InFlight, b: InFlight): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const put = (item: InFlight): void => {
    let index = flying.length;
    while (index > 0 && before(item, flying[index - 1] as InFlight)) index--;
    flying.splice(index, 0, item);
  };

  const transmit = (from: number, record: Uint8Array, counter: number): void => {
    records++;
    bytes += record.length;
    if (faults.filter?.(from, record) || random() < faults.drop) return;
    if (faults.rate > 0) busyUntil[from] = Math.max(now, busyUntil[from] as number) + record.length / faults.rate;
    const leaves = Math.max(now, busyUntil[from] as number);
    const item = (): InFlight => ({ at: leaves + faults.delay + random() * faults.jitter, order: order++, to: 1 - from, record, counter });
    for (let index = held.length - 1; index >= 0; index--) {
      const late = held[index] as { record: InFlight; passes: number };
      if (late.record.to !== 1 - from || --late.passes > 0) continue;
      held.splice(index, 1);
      put({ ...late.record, at: now + faults.delay, order: order++ });
    }
    if (random() < faults.reorder) held.push({ record: item(), passes: 1 + Math.floor(random() * faults.reorderDepth) });
    else put(item());
    if (random() < faults.duplicate) put(item());
  };

  const note = (side: Side): void => {
    const { heldBytes, unacknowledgedBytes } = side.conversation.counters;
    side.peak.held = Math.max(side.peak.held, heldBytes);
    side.peak.used = Math.max(side.peak.used, side.budget.used);
    side.peak.unacknowledged = Math.max(side.peak.unacknowledged, unacknowledgedBytes);
  };

  const fill = (index: number): boolean => {
    const side = sides[index] as Side;
    const length = side.conversation.fill(buffer, room[index] as number, received[index] as ReceivedCounter, now, now);
    if (length === 0) return false;
    const counter = counters[index] as number;
    counters[index] = counter + 1;
    side.conversation.sent(session, counter, now);
    transmit(index, buffer.bytes.slice(0, length), counter);
    return true;
  };

  const flush = (index: number): boolean => {
    const side = sides[index] as Side;
    if (!side.up || !side.alive) return false;
    let any = false;
    while (fill(index)) any = true;
    note(side);
    return any;
  };

  const seen: [Set<number>, Set<number>] = [new Set(), new Set()];
  const arrive = (item: InFlight): void => {
    const side = sides[item.to] as Side;
    const fresh = seen[item.to] as Set<number>;
    // The session's replay window.
    if (!side.up || !side.alive || fresh.has(item.counter) || side.ended.length > 0) return;
    fresh.add(item.counter);
    if (fresh.size > 20_000) for (const counter of fresh) if (fresh.size > 10_000) fresh.delete(counter);
    side.conversation.receive(item.record, session, received[item.to] as ReceivedCounter, item.counter, now, now);
    note(side);
  };

  const listens = (side: Side): boolean => side.ended.length === 0 && side.alive;

  return {
    sides,
    faults,
    /** One record of one side. False when it has nothing to send. */
    fill,
    get now() {
      return now;
    },
    get records() {
      return records;
    },
    get bytes() {
      return bytes;
    },
    /** Runs `run` at this virtual time. */
    at(time: number, run: () => void): void {
      events.push({ at: time, run });
      events.sort((a, b) => a.at - b.at);
    },
    /** Runs `run` every so many ms, `times` times. */
    every(ms: number, times: number, run: (index: number) => void): void {
      const next = (index: number): void => {
        run(index);
        if (index + 1 < times) events.unshift({ at: now + ms, run: () => next(index + 1) });
        events.sort((a, b) => a.at - b.at);
      };
      events.push({ at: now + ms, run: () => next(0) });
      events.sort((a, b) => a.at - b.at);
    },
    /** One side loses or regains its medium: what is on its way is lost. */
    setUp(index: number, up: boolean) {
      const side = sides[index] as Side;
      if (side.up === up) return;
      side.up = up;
      flying.length = 0;
      held.length = 0;
      if (up) side.conversation.probe(now);
    },
    kill(index: number) {
      (sides[index] as Side).alive = false;
    },
    /** Gives one side a record that nobody sent. */
    inject(to: number, record: Uint8Array): boolean {
      return (sides[to] as Side).conversation.receive(record, session, received[to] as ReceivedCounter, (counters[1 - to] as number)++, now, now);
    },
    /** Goes on until `done` or virtual `until` ms. Returns whether done. */
    run(done: () => boolean, until: number): boolean {
      for (;;) {
        flush(0);
        flush(1);
        if (done()) return true;
        const deadlines = sides.map((side) => (listens(side) ? side.conversation.deadline(!side.up) : Number.POSITIVE_INFINITY));
        // Reordered records whose followers never come are late, not lost.
        const next = Math.min(
          flying[0]?.at ?? Number.POSITIVE_INFINITY,
          events[0]?.at ?? Number.POSITIVE_INFINITY,
          held.length > 0 ? now + 20 : Number.POSITIVE_INFINITY,
          ...deadlines,
        );
        if (next > until) {
          now = until;
          return done();
        }
        const idle = flying.length === 0 && held.length > 0 && next >= now + 20;
        now = Math.max(now, next);
        if (idle) for (const late of held.splice(0)) put({ ...late.record, at: now, order: order++ });
        while (flying.length > 0 && (flying[0] as InFlight).at <= now) arrive(flying.shift() as InFlight);
        while (events.length > 0 && (events[0] as { at: number }).at <= now) events.shift()?.run();
        for (const side of sides) if (listens(side) && side.up && side.conversation.deadline(false) <= now) side.conversation.tick(now);
      }
    },
  };
}

export type Network = ReturnType<typeof createNetwork>;
