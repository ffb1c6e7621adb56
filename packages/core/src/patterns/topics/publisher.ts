import { encodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Topic, validate } from "../../contract/index.js";
import { invalid } from "../../contract/standard-schema.js";
import type { OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import type { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import { checkOperation, laneOf, type OperationOptions } from "../asking/operation.js";
import type { PatternHost } from "../host.js";
import { createBacklog } from "./backlog.js";
import { createOutlets } from "./outlets.js";
import { Published } from "./published.js";
import type { PublishedTopic } from "./published-topic.js";
import { replayOf, retain } from "./retained.js";
import { nameOf, readSettings } from "./settings.js";
import { createTopicTable } from "./table.js";
import type { PublishesOptions, SubscriberStatus, TopicEventReport, TopicStatus } from "./types.js";

export interface PublisherOptions {
  readonly host: PatternHost;
  readonly report: (event: TopicEventReport) => void;
  /** This agent says of itself already that it publishes. */
  readonly publishes: boolean;
  /** From now on it does. */
  readonly onInterest: () => void;
}

/** The publishing side: topics, who gets their events, and what waits for room. */
export interface Publisher {
  publish(topic: Topic | string, value: unknown, options: OperationOptions): Promise<void>;
  declare(topic: Topic | string, options: PublishesOptions): () => void;
  topics(): readonly TopicStatus[];
  subscribers(topic: Topic | string): readonly SubscriberStatus[];
  /** Something was published or declared. */
  readonly publishes: boolean;
  linkEnded(link: Link): void;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
  stop(error: TightbeamError): void;
}

const taken: Promise<void> = Promise.resolve();

export function createPublisher({ host, report, publishes: said, onInterest }: PublisherOptions): Publisher {
  const { runtime, ids, json } = host;
  const table = createTopicTable(host);
  let publishes = said;
  let lastId: string | undefined;
  let stopped: TightbeamError | undefined;
  let idleWaiters: (() => void)[] = [];

  const outlets = createOutlets({
    host,
    report,
    onRoom: () => backlog.advance(),
    lastId: () => lastId,
    replay(outlet, ask) {
      const permitted = (topic: string): boolean => ask.pattern.matches(topic) && host.admission.permits(outlet.link, `subscribe:${topic}`);
      for (const event of replayOf(
        [...table.all()].filter(({ name }) => permitted(name)),
        ask,
        outlet,
        host.links.budget,
      ))
        outlet.push(event);
    },
  });

  const deliver = ({ targets }: PublishedTopic, event: Published): void => {
    if (targets.length === 0) return;
    const { header, payload } = event;
    for (const outlet of targets) if (outlet.push(event)) host.observe(outlet.link, header, payload);
  };

  /** Whether the event may go: each of its subscribers has room, or is waited for no longer. */
  const ready = (topic: PublishedTopic): boolean => {
    outlets.aim(topic);
    for (const outlet of topic.targets) {
      if (outlet.slow || outlet.hasRoom(topic.settings)) continue;
      outlet.waitFor(topic.name, topic.settings);
      return false;
    }
    return true;
  };

  const settleIdle = (): void => {
    if (idleWaiters.length === 0 || backlog.count > 0) return;
    for (const { queued } of outlets.all) if (queued > 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  const backlog = createBacklog({ timers: runtime.timers, ready, deliver, onAdvanced: settleIdle });

  const post = (topic: PublishedTopic, payload: EncodedPayload | undefined, options: OperationOptions): Promise<void> => {
    if (stopped !== undefined) throw stopped;
    const timestamp = runtime.clock.wall();
    const id = ids.text(timestamp);
    const departure = host.taps.tracing?.sending(
      { type: "event", name: topic.name, id, peer: undefined, bytes: payload?.bytes.length ?? 0, durable: false },
      options,
    );
    if (departure === undefined) return give(topic, id, timestamp, payload, options, options.headers);
    try {
      const settled = give(topic, id, timestamp, payload, options, departure.headers);
      settled.then(
        () => departure.end(),
        (error) => departure.end(error),
      );
      return settled;
    } catch (error) {
      departure.end(error);
      throw error;
    }
  };

  const give = (
    topic: PublishedTopic,
    id: string,
    timestamp: number,
    payload: EncodedPayload | undefined,
    options: OperationOptions,
    headers: OutgoingHeader["headers"],
  ): Promise<void> => {
    const { priority = "normal", ttl, idempotencyKey } = options;
    const header: { -readonly [name in keyof OutgoingHeader]: OutgoingHeader[name] } & { id: string } = {
      type: "event",
      id,
      timestamp,
      priority,
      topic: topic.name,
    };
    if (ttl !== undefined) header.ttl = ttl;
    if (idempotencyKey !== undefined) header.idempotencyKey = idempotencyKey;
    if (headers !== undefined) header.headers = headers;
    const bytes = encodeEnvelope(header, payload);
    const event = new Published(topic, header, payload, bytes, laneOf(options, bytes.length), host.links.budget);
    const waits = topic.waiting.length > 0 || !ready(topic);
    const settled = waits ? backlog.wait(topic, event, options) : taken;
    lastId = id;
    topic.published++;
    if (topic.settings.retain > 0) retain(topic, event, host.links.budget);
    if (!waits) deliver(topic, event);
    interested();
    return settled;
  };

  const interested = (): void => {
    if (publishes) return;
    publishes = true;
    onInterest();
  };

  return {
    publish(of, value, options) {
      try {
        if (stopped !== undefined) throw stopped;
        checkOperation(options);
        if ("confirm" in options) throw invalid("publish has no option confirm: events are for whoever subscribes.");
        const topic = table.get(nameOf(of));
        const schema = typeof of === "string" ? undefined : of.event;
        const checked = schema === undefined ? undefined : validate(schema, value, "input");
        if (checked instanceof Promise) return checked.then(() => post(topic, encodePayload(value, json), options));
        return post(topic, encodePayload(value, json), options);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    declare(of, options) {
      const settings = readSettings(options);
      const end = table.declare(nameOf(of), settings);
      interested();
      return end;
    },
    topics: () =>
      [...table.all()].map((topic) => {
        outlets.aim(topic);
        return { topic: topic.name, subscribers: topic.targets.length, published: topic.published, retained: topic.retained.length };
      }),
    subscribers(of) {
      const topic = table.look(nameOf(of));
      outlets.aim(topic);
      return topic.targets.map(({ link, subscriptions, queued, queuedBytes, sent, dropped, slow }) => {
        const patterns = [...subscriptions.values()].map(({ pattern }) => pattern.text);
        return { id: link.peer.id, instance: link.peer.instance, patterns, queued, queuedBytes, sent, dropped, slow };
      });
    },
    get publishes() {
      return publishes;
    },
    linkEnded: outlets.linkEnded,
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleIdle();
      }),
    stop(error) {
      stopped = error;
      outlets.stop();
      backlog.stop(error);
    },
  };
}
