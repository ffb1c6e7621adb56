import type { Topic } from "../../contract/index.js";
import { invalid } from "../../contract/standard-schema.js";
import type { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import * as limits from "../../limits.js";
import { isAgentId } from "../../transport/address.js";
import type { Taker } from "../answering/receiver.js";
import { cancelled, type OperationOptions } from "../asking/operation.js";
import type { PatternHost, PatternPart } from "../host.js";
import { Listener } from "./listener.js";
import { topicPattern } from "./pattern.js";
import { createPublisher, type Publisher } from "./publisher.js";
import { createSubscriber } from "./subscriber.js";
import type { EventHandler, SubscribeOptions, Subscription, TopicEventReport } from "./types.js";

/** Events of one agent for many others, both ways. */
export interface Topics
  extends Required<Pick<PatternPart, "linkUp" | "linkEnded" | "drain" | "stop">>,
    Pick<Publisher, "publish" | "declare" | "topics" | "subscribers"> {
  subscribe(of: Topic | string, handler: EventHandler, options: SubscribeOptions<never>): Promise<Subscription>;
  readonly take: Taker;
}

/** `said`: this agent says of itself already that it publishes. */
export function createTopics(host: PatternHost, report: (event: TopicEventReport) => void, said = false): Topics {
  const { capabilities, presence } = host;
  const publisher = createPublisher({ host, report, publishes: said, onInterest: () => onInterest() });
  const subscriber = createSubscriber({ host, report, mayPublish: (link) => capabilities.of(link)?.publishes === true });
  let stopped: TightbeamError | undefined;

  capabilities.provide("publishes", () => publisher.publishes);
  capabilities.provide("subscribes", () => subscriber.subscribes);
  const stopListening = capabilities.onChange(subscriber.ask);

  const onInterest = (): void => {
    capabilities.changed();
    presence.announce("publishes", publisher.publishes);
    presence.announce("subscribes", subscriber.subscribes);
  };

  const listen = async (of: Topic | string, handler: EventHandler, options: SubscribeOptions<never>): Promise<Subscription> => {
    if (stopped !== undefined) throw stopped;
    const listener = readListener(host, of, handler, options);
    const { ready = 0, timeout, signal } = options;
    if (signal?.aborted) throw cancelled(signal);
    const limit = { ...(timeout === undefined ? undefined : { timeout }), ...(signal === undefined ? undefined : { signal }) };
    const first = !subscriber.subscribes;
    const readiness = subscriber.add(listener);
    if (first) onInterest();
    const end = async (): Promise<void> => {
      const told = subscriber.remove(listener);
      if (!subscriber.subscribes && stopped === undefined) onInterest();
      await told;
    };
    try {
      await readiness.wait(ready, limit);
    } catch (error) {
      await end();
      throw error;
    }
    return {
      pattern: listener.options.pattern.text,
      get publishers() {
        return subscriber.publishersOf(listener);
      },
      get counters() {
        const { received, refused } = listener;
        return { received, refused };
      },
      ready: (n = 1, waitOptions = {}) => readiness.wait(n, waitOptions),
      unsubscribe: end,
    };
  };

  return {
    publish: (of, value, options: OperationOptions) => publisher.publish(of, value, options),
    declare: publisher.declare,
    topics: publisher.topics,
    subscribers: publisher.subscribers,
    drain: publisher.idle,
    subscribe: listen,
    take: subscriber.take,
    linkUp: subscriber.ask,
    linkEnded(link, error) {
      publisher.linkEnded(link);
      subscriber.linkEnded(link, error);
    },
    stop(error) {
      stopped = error;
      stopListening();
      publisher.stop(error);
      subscriber.stop(error);
    },
  };
}

const known = ["filter", "replay", "ready", "timeout", "signal", "from", "queue"];
const fromMax = 64;

function readListener(host: PatternHost, of: Topic | string, handler: EventHandler, options: SubscribeOptions<never>): Listener {
  const { filter, replay = 0, ready: _ready, timeout: _timeout, signal: _signal, from, queue = limits.topicWindowBytes, ...unknown } = options;
  checkKnown("subscribe()", unknown, known);
  const isTopic = typeof of === "object" && of !== null && of.kind === "topic";
  const pattern = topicPattern(isTopic ? of.name : (of as string));
  if (typeof handler !== "function") throw invalid("A subscription needs a handler: a function (event, context).");
  if (filter !== undefined && typeof filter !== "function") throw invalid("filter is a function (event, context) => boolean.");
  if (!(Number.isInteger(replay) && replay >= 0 && replay <= limits.topicRetainMax))
    throw invalid(`replay is a number of events from 0 to ${limits.topicRetainMax}.`);
  if (!(Number.isInteger(queue) && queue >= 1 && queue <= 2 ** 30)) throw invalid("queue is a number of bytes from 1 to 2^30.");
  if (from !== undefined && !(Array.isArray(from) && from.length > 0 && from.length <= fromMax && from.every(isAgentId)))
    throw invalid(`from is a list of 1 to ${fromMax} agent ids.`);
  return new Listener(host, {
    id: host.ids.text(),
    pattern,
    event: isTopic ? of.event : undefined,
    handler,
    filter: filter as never,
    from: from === undefined ? undefined : new Set(from),
    replay,
    queue,
  });
}
