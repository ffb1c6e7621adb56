import type { Topic } from "../../contract/index.js";
import { checkName } from "../../contract/standard-schema.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import { onDemand } from "../../on-demand.js";
import { operateLate } from "../asking/late-operation.js";
import { checkOperation, type OperationOptions } from "../asking/operation.js";
import type { PatternHost } from "../host.js";
import { createLatePart } from "../late-part.js";
import { snapshot } from "../snapshot.js";
import type { SystemHandler } from "../system.js";
import { names } from "./names.js";
import { declaredAlready, nameOf, readSettings } from "./settings.js";
import type { Topics } from "./topics.js";
import type { PublishesOptions, TopicEventReport } from "./types.js";
import { refuseUnasked } from "./unasked.js";

const loadTopics = onDemand(() => import("./topics.js"));

/** No word about subscriptions is longer: an id, a pattern and two numbers. */
const wordMaxBytes = 1_024;

interface Declared {
  readonly options: PublishesOptions;
  end?: () => void;
}

/**
 * Topics, loaded when this agent first publishes, declares or subscribes, or when a peer subscribes here. Until then there is nobody to
 * give to or to take from, and what is asked for waits in the order in which it was.
 */
export function createTopicsOnDemand(host: PatternHost, report: (event: TopicEventReport) => void, load = loadTopics): Topics {
  const { runtime, json, links, system, capabilities, presence } = host;
  const answers = new Map<string, SystemHandler>();
  const declared = new Map<string, Declared>();
  let publishes = false;
  let waiting = 0;
  /** Words of peers that wait. */
  let asking = 0;

  const late = createLatePart(load, ({ createTopics }) => {
    const own = { ...system, handle: (name: string, handler: SystemHandler) => void answers.set(name, handler) };
    const topics = createTopics({ ...host, system: own }, report, publishes);
    for (const [name, entry] of declared) entry.end = topics.declare(name, entry.options);
    declared.clear();
    return topics;
  });

  capabilities.provide("publishes", () => publishes);
  capabilities.provide("subscribes", () => false);

  for (const name of [names.subscribe, names.unsubscribe, names.credit])
    system.handle(name, (link, value) => {
      const answer = (): unknown => answers.get(name)?.(link, value);
      if (late.ready !== undefined) return answer();
      // Also when its link ends: else a peer that reconnects for ever while the code does not come could make more and more wait.
      if (asking >= limits.topicsKept || snapshot(value, json).bytes > wordMaxBytes)
        throw new TightbeamError("overloaded", "This agent is not ready for topics yet.");
      asking++;
      return new Promise((resolve, reject) => {
        const fail = (error: TightbeamError): void => {
          asking--;
          reject(error);
        };
        late.use(() => {
          asking--;
          try {
            resolve(answer());
          } catch (error) {
            reject(error);
          }
        }, fail);
      });
    });
  // What was never asked for cannot be ended.
  system.handle(names.ended, (link, value) => answers.get(names.ended)?.(link, value));

  const declare = (name: string, options: PublishesOptions): (() => void) => {
    readSettings(options);
    checkName("topic", name);
    if (declared.has(name)) throw declaredAlready(name);
    const entry: Declared = { options: { ...options } };
    declared.set(name, entry);
    if (!publishes) {
      publishes = true;
      capabilities.changed();
      presence.announce("publishes");
    }
    late.use(nothing, nothing);
    return () => {
      if (entry.end !== undefined) entry.end();
      else if (declared.get(name) === entry) declared.delete(name);
    };
  };

  /** In order, as many as may wait for slow subscribers. */
  const publishLater = async (of: Topic | string, value: unknown, options: OperationOptions): Promise<void> => {
    checkOperation(options);
    const kept = snapshot(value, json);
    if (waiting >= limits.publishesWaiting || !links.budget.take(kept.bytes))
      throw new TightbeamError(
        "overloaded",
        "Too many events wait while a part of this program is loaded: wait for the promise of each publish before the next.",
      );
    waiting++;
    const onOver = (): void => {
      waiting--;
      links.budget.give(kept.bytes);
    };
    return operateLate({ runtime, late, options, onOver, run: (topics, timeout) => topics.publish(of, kept.value, { ...options, timeout }) });
  };

  return {
    publish: (of, value, options) => (late.ready === undefined ? publishLater(of, value, options) : late.ready.publish(of, value, options)),
    declare: (of, options) => (late.part === undefined ? declare(nameOf(of), options) : late.part.declare(of, options)),
    topics: () => late.part?.topics() ?? [...declared.keys()].map((topic) => ({ topic, subscribers: 0, published: 0, retained: 0 })),
    subscribers(of) {
      if (late.part !== undefined) return late.part.subscribers(of);
      checkName("topic", nameOf(of));
      return [];
    },
    subscribe(of, handler, options) {
      if (late.ready !== undefined) return late.ready.subscribe(of, handler, options);
      const { timeout, signal, ready = 0 } = options;
      // The timeout is for those that shall be ready. What is wrong with it the part says.
      const timed = ready !== 0 && typeof timeout === "number" && timeout > 0;
      const limit = { ...(timed ? { timeout } : undefined), ...(signal === undefined ? undefined : { signal }) };
      return operateLate({
        runtime,
        late,
        options: limit,
        run: (topics, left) => topics.subscribe(of, handler, timed ? { ...options, timeout: left } : options),
      });
    },
    take(link, delivery, header, payload) {
      if (late.part === undefined) refuseUnasked(host, link, delivery);
      else late.part.take(link, delivery, header, payload);
    },
    linkUp: (link) => late.part?.linkUp(link),
    linkEnded: (link, error) => late.part?.linkEnded(link, error),
    drain(error) {
      if (late.part === undefined && waiting === 0) return Promise.resolve();
      return new Promise((resolve) =>
        late.use(
          (topics) => resolve(topics.drain(error)),
          () => resolve(),
        ),
      );
    },
    stop(error) {
      late.stop(error);
      late.part?.stop(error);
    },
  };
}

const nothing = (): void => undefined;
