import { createIds } from "../../../src/envelope/id.js";
import type { EnvelopeHeader, OutgoingHeader } from "../../../src/envelope/types.js";
import { decodeEnvelope } from "../../../src/envelope/wire.js";
import * as limits from "../../../src/limits.js";
import { createMemoryBudget } from "../../../src/link/budget.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, OutgoingMessage } from "../../../src/link/message.js";
import { createShares } from "../../../src/link/share.js";
import type { PatternHost } from "../../../src/patterns/host.js";
import type { SystemHandler } from "../../../src/patterns/system.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createTopics, type Topics } from "../../../src/patterns/topics/topics.js";
import type { TopicEventReport } from "../../../src/patterns/topics/types.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

export const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;

export interface FakeLink {
  readonly link: Link;
  /** What the agent sent over it, decoded. */
  readonly sent: { readonly header: EnvelopeHeader; readonly payload: unknown }[];
  /** False: it takes nothing with its next record, and seals nothing. */
  open: boolean;
  /** Seals what was sent. */
  seal(): Promise<void>;
}

/** One agent's topics, with links of which the test is the other end. */
export function setUp({
  budget = 2 ** 28,
  permits = () => true,
  create = createTopics,
}: {
  create?: (host: PatternHost, report: (event: TopicEventReport) => void) => Topics;
  budget?: number;
  permits?: (link: Link, permission: string) => boolean;
} = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const handlers = new Map<string, SystemHandler>();
  const asked: { readonly link: Link; readonly name: string; readonly value: unknown; answer(value?: unknown): void; refuse(error: Error): void }[] = [];
  const reports: TopicEventReport[] = [];
  const refused: string[] = [];
  const failures: unknown[] = [];
  const links: Link[] = [];
  const memory = createMemoryBudget(budget);
  const shares = createShares(memory);
  const host = {
    runtime,
    taps: createTaps(),
    ids: createIds(runtime),
    json: limits,
    links: {
      budget: memory,
      list: (id?: string) => links.filter(({ peer }) => id === undefined || peer.id === id),
      connect: () => new Promise(() => undefined),
    },
    system: {
      handle: (name: string, handler: SystemHandler) => void handlers.set(name, handler),
      request: (link: Link, name: string, value: unknown) =>
        new Promise((answer, refuse) => {
          asked.push({ link, name, value, answer, refuse });
        }),
    },
    admission: { permits },
    capabilities: { provide: () => undefined, changed: () => undefined, onChange: () => () => undefined, of: () => ({ publishes: true }) },
    presence: { announce: () => undefined },
    middleware: { used: false },
    observe: (_link: Link, _header: OutgoingHeader) => undefined,
    onFailure: ({ error }: { error: unknown }) => void failures.push(error),
    onRefused: ({ error }: { error: { code: string } }) => void refused.push(error.code),
  };
  const topics = create(host as unknown as PatternHost, (event) => void reports.push(event));

  const linkTo = (id: string): FakeLink => {
    const sent: FakeLink["sent"] = [];
    let watches: (() => void)[] = [];
    const take = ({ bytes, watch }: OutgoingMessage): void => {
      const { header, payload } = decodeEnvelope(bytes);
      sent.push({ header, payload: payload === undefined ? undefined : JSON.parse(new TextDecoder().decode(payload.bytes)) });
      if (watch !== undefined) watches.push(() => watch.sealed?.());
    };
    const fake: FakeLink = {
      sent,
      open: true,
      async seal() {
        const all = watches;
        watches = [];
        for (const each of all) each();
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      },
      link: {
        budget: shares.change(id, 1, 0).budget,
        peer: { id, instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", permissions: [], limits: { maxMessageBytes: 10_000 } },
        state: "up",
        clockOffset: () => 0,
        askClock: () => undefined,
        offer(message: OutgoingMessage) {
          if (!fake.open) return false;
          take(message);
          return true;
        },
        send(message: OutgoingMessage) {
          take(message);
          return { giveUp: () => false };
        },
      } as unknown as Link,
    };
    links.push(fake.link);
    return fake;
  };

  const say = (link: Link, name: string, value: unknown): unknown => handlers.get(name)?.(link, value);
  const subscribe = (link: Link, pattern: string, more: object = {}): unknown => say(link, "subscribe", { id: idOf(1), pattern, credit: 2 ** 40, ...more });
  const outcomes: string[] = [];
  /** An event comes over a link. */
  const arrive = (link: Link, number: number, more: Partial<EnvelopeHeader> = {}, size = 100): void => {
    const header: EnvelopeHeader = { type: "event", id: idOf(number), timestamp: runtime.clock.wall(), priority: "normal", topic: "t", ...more };
    const delivery = { refused: undefined, size, settle: (outcome: string) => void outcomes.push(outcome) } as unknown as Delivery;
    topics.take(link, delivery, header, { kind: "json", bytes: new TextEncoder().encode(String(number)) });
  };
  return { runtime, topics, linkTo, say, subscribe, arrive, asked, reports, refused, failures, outcomes, memory };
}

export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};
