import type { Outcome } from "../outcome.js";
import type { Check } from "./check.js";
import { describe, describeCall, type Handling, type Operation, readOperations } from "./operations.js";

interface Got {
  readonly call: Handling;
  readonly operation: Operation;
}

/** What each subscription got of each publisher's instance, in the order in which it got it: events that can be told from others. */
function readSubscriptions(outcome: Outcome): ReadonlyMap<string, readonly Got[]> {
  const all = new Map<string, Got[]>();
  const calls = readOperations(outcome).operations.flatMap((operation) =>
    operation.what === "publish" && operation.alike.length === 1 ? operation.handled.map((call) => ({ call, operation })) : [],
  );
  for (const got of calls.sort((a, b) => a.call.call - b.call.call)) {
    const { subscription, peerInstance } = got.call;
    if (subscription === undefined) continue;
    const key = `${subscription} ${peerInstance}`;
    const list = all.get(key);
    if (list === undefined) all.set(key, [got]);
    else list.push(got);
  }
  return all;
}

export const published: Check = {
  name: "published",
  claim: "The events of a publisher's instance reach a subscription in the order of its topic and priority, each once.",
  run(outcome) {
    return [...readSubscriptions(outcome).values()].flatMap((got) => {
      const last = new Map<string, Operation>();
      const seen = new Set<number>();
      return got.flatMap(({ call, operation }) => {
        const lane = `${operation.method} ${operation.priority}`;
        const before = last.get(lane);
        last.set(lane, operation);
        if (seen.has(operation.operation)) return [`${describeCall(call)}: it had been there`];
        seen.add(operation.operation);
        return before === undefined || before.operation < operation.operation ? [] : [`${describeCall(call)} after a later one of its topic`];
      });
    });
  },
};

/** A subscription at its publisher, from its answer to its end, by what both say of it. */
interface Feed {
  readonly publisher: string;
  readonly incarnation: number;
  readonly instance: string;
  readonly subscriber: string;
  readonly subscriberInstance: string;
  readonly pattern: string;
  /** Places in the trace. */
  readonly from: number;
  to: number;
  /** Its publisher said that it was slow: then it may have gaps. */
  slow: boolean;
}

interface Said {
  readonly pattern?: string;
  readonly peer: string;
  readonly instance: string;
  readonly gone?: boolean;
}

/** From what agents say of their subscribers and publishers. */
function readFeeds({ trace }: Outcome): readonly Feed[] {
  const feeds: Feed[] = [];
  const instances = new Map<string, string>();
  const going = (match: (feed: Feed) => boolean): readonly Feed[] => feeds.filter((feed) => feed.to === Number.POSITIVE_INFINITY && match(feed));
  const end = (to: number, match: (feed: Feed) => boolean): void => {
    for (const feed of going(match)) feed.to = to;
  };
  trace.forEach((event, index) => {
    const { agent, incarnation } = event;
    const instance = instances.get(agent) ?? "";
    if (event.type === "joined") instances.set(agent, event.instance);
    else if (event.type === "process" && event.what === "crashed") {
      instances.delete(agent);
      end(index, (feed) => feed.publisher === agent || feed.subscriber === agent);
    } else if (event.type === "log" && (event.what === "subscriber" || event.what === "unsubscribed" || event.what === "subscriber_slow")) {
      const { pattern = "", peer, instance: other, gone } = JSON.parse(event.text) as Said;
      const isOurs = (feed: Feed): boolean => feed.instance === instance && feed.subscriberInstance === other;
      if (event.what === "unsubscribed") end(index, (feed) => feed.subscriberInstance === instance && feed.instance === other && feed.pattern === pattern);
      else if (event.what === "subscriber_slow") for (const feed of going(isOurs)) feed.slow = true;
      else if (gone === true) end(index, (feed) => isOurs(feed) && feed.pattern === pattern);
      // Whoever asked may have died since.
      else if (instances.get(peer) === other)
        feeds.push({
          publisher: agent,
          incarnation,
          instance,
          subscriber: peer,
          subscriberInstance: other,
          pattern,
          from: index,
          to: Number.POSITIVE_INFINITY,
          slow: false,
        });
    }
  });
  return feeds;
}

/** As docs/topics.md: `*` is one segment, the last `>` one or more. */
function matches(pattern: string, topic: string): boolean {
  const [wanted, given] = [pattern.split(/([./])/), topic.split(/([./])/)];
  const rest = wanted.at(-1) === ">" ? wanted.length - 1 : undefined;
  if (rest === undefined ? wanted.length !== given.length : given.length <= rest) return false;
  return wanted.slice(0, rest).every((part, index) => part === "*" || part === given[index]);
}

export const unbroken: Check = {
  name: "unbroken",
  claim:
    "What a publisher publishes after its answer reaches the subscription without a gap: all of it, or what came before one of them died or said that the subscription ended. Only one that it called slow may miss some.",
  run(outcome) {
    const feeds = readFeeds(outcome).filter(({ slow }) => !slow);
    if (feeds.length === 0) return [];
    const places = new Map(outcome.trace.flatMap((event, index) => (event.type === "started" && event.what === "publish" ? [[event.operation, index]] : [])));
    const { operations } = readOperations(outcome);
    return feeds.flatMap(({ publisher, incarnation, subscriber, pattern, from, to }) => {
      const missing = new Map<string, Operation>();
      const broken = new Set<Operation>();
      for (const operation of operations) {
        const { what, alike, settled, method, priority, handled, agent } = operation;
        const place = places.get(operation.operation) ?? 0;
        if (what !== "publish" || agent !== publisher || operation.incarnation !== incarnation || place < from || place >= to || !matches(pattern, method))
          continue;
        // One that was refused some may have got.
        if (alike.length > 1 || settled[0] === undefined || settled[0].error !== undefined) continue;
        const lane = `${method} ${priority}`;
        const got = handled.filter((call) => call.agent === subscriber);
        const before = missing.get(lane);
        if (got.length === 0) missing.set(lane, before ?? operation);
        else if (before !== undefined && got.some(({ replayed }) => replayed !== true)) broken.add(before);
      }
      if (to === Number.POSITIVE_INFINITY) for (const operation of missing.values()) broken.add(operation);
      return [...broken].map((operation) => `${describe(operation)} did not reach ${subscriber}`);
    });
  },
};
