import { createMemoryBudget, type MemoryBudget } from "../../src/link/budget.js";
import { createCellBuffer } from "../../src/link/cells.js";
import { createConversation, type Conversation } from "../../src/link/conversation.js";
import type { Delivery } from "../../src/link/message.js";
import { createReceivedCounter } from "../../src/link/order.js";
import { limits } from "../../src/limits.js";
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
  /** A record waits until this many later ones have passed it (or `lateMs`). */
  reorder: number;
  reorderDepth: number;
  /** One way, ms. */
  delay: number;
  jitter: number;
  /** Called per record: true = this one is lost. */
  filter?: (from: number, record: Uint8Array) => boolean;
}

export const calm: Faults = { drop: 0, duplicate: 0, reorder: 0, reorderDepth: 50, delay: 5, jitter: 0 };
export const announced: AnnouncedLimits = { maxMessageBytes: limits.messageMaxBytes, intakeCount: limits.intakeCount, intakeBytes: limits.intakeBytes };

export interface Side {
  readonly conversation: Conversation;
  readonly budget: MemoryBudget;
  readonly ended: { code: string; byPeer: boolean }[];
  onDelivery: (delivery: Delivery) => void;
  /** The medium is up for this side. */
  up: boolean;
}

interface InFlight {
  readonly at: number;
  readonly order: number;
  readonly to: number;
  readonly record: Uint8Array;
  readonly counter: number;
}

/** Two conversations over a faulty network with one virtual clock: no session, no socket, no real time. */
export function createNetwork(options: { seed: number; faults?: Partial<Faults>; goneAfterMs?: number; limits?: AnnouncedLimits; budget?: number }) {
  const random = seeded(options.seed);
  const faults: Faults = { ...calm, ...options.faults };
  const session = {};
  const buffer = createCellBuffer(64 * 1024);
  let now = 0;
  let order = 0;
  let records = 0;
  let bytes = 0;
  const flying: InFlight[] = [];
  const held: { record: InFlight; passes: number }[] = [];
  const counters = [0, 0];
  const received = [createReceivedCounter(), createReceivedCounter()];
  const own = options.limits ?? announced;

  const makeSide = (): Side => {
    const budget = createMemoryBudget(options.budget ?? limits.memoryBudgetBytes);
    const ended: Side["ended"] = [];
    const side: Side = {
      budget,
      ended,
      up: true,
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

  const put = (item: InFlight): void => {
    let index = flying.length;
    while (index > 0 && ((flying[index - 1] as InFlight).at > item.at || ((flying[index - 1] as InFlight).at === item.at && (flying[index - 1] as InFlight).order > item.order))) index--;
    flying.splice(index, 0, item);
  };

  const transmit = (from: number, record: Uint8Array, counter: number): void => {
    records++;
    bytes += record.length;
    if (faults.filter?.(from, record) || random() < faults.drop) return;
    const item = (): InFlight => ({ at: now + faults.delay + random() * faults.jitter, order: order++, to: 1 - from, record, counter });
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

  const flush = (index: number): boolean => {
    const side = sides[index] as Side;
    if (!side.up) return false;
    let any = false;
    for (;;) {
      const length = side.conversation.fill(buffer, buffer.bytes.length, received[index] as ReturnType<typeof createReceivedCounter>, now, now);
      if (length === 0) return any;
      any = true;
      const counter = counters[index] as number;
      counters[index] = counter + 1;
      side.conversation.sent(session, counter, now);
      transmit(index, buffer.bytes.slice(0, length), counter);
    }
  };

  const seen: [Set<number>, Set<number>] = [new Set(), new Set()];
  const arrive = (item: InFlight): void => {
    const side = sides[item.to] as Side;
    const fresh = seen[item.to] as Set<number>;
    // The session's replay window.
    if (!side.up || fresh.has(item.counter) || side.ended.length > 0) return;
    fresh.add(item.counter);
    if (fresh.size > 20_000) for (const counter of fresh) if (fresh.size > 10_000) fresh.delete(counter);
    side.conversation.receive(item.record, session, received[item.to] as ReturnType<typeof createReceivedCounter>, item.counter, now, now);
  };

  return {
    sides,
    faults,
    get now() {
      return now;
    },
    get records() {
      return records;
    },
    get bytes() {
      return bytes;
    },
    setUp(index: number, up: boolean) {
      (sides[index] as Side).up = up;
      if (up) (sides[index] as Side).conversation.probe(now);
    },
    /** Goes on until `done` or virtual `until` ms. Returns whether done. */
    run(done: () => boolean, until: number): boolean {
      for (;;) {
        flush(0);
        flush(1);
        if (done()) return true;
        const deadlines = sides.map((side) => (side.ended.length > 0 ? Number.POSITIVE_INFINITY : side.conversation.deadline(!side.up)));
        // Reordered records whose followers never come are late, not lost.
        const next = Math.min(flying[0]?.at ?? Number.POSITIVE_INFINITY, held.length > 0 ? now + 20 : Number.POSITIVE_INFINITY, ...deadlines);
        if (next > until) {
          now = until;
          return done();
        }
        const idle = flying.length === 0 && held.length > 0;
        now = Math.max(now, next);
        if (idle) for (const late of held.splice(0)) put({ ...late.record, at: now, order: order++ });
        while (flying.length > 0 && (flying[0] as InFlight).at <= now) arrive(flying.shift() as InFlight);
        for (let index = 0; index < 2; index++) {
          const side = sides[index] as Side;
          if (side.ended.length === 0 && side.up && side.conversation.deadline(false) <= now) side.conversation.tick(now);
        }
      }
    },
  };
}
