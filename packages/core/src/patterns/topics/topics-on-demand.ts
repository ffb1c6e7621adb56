import type { Topic } from "../../contract/index.js";
import { checkName, invalid } from "../../contract/standard-schema.js";
import { TightbeamError } from "../../errors.js";
import { onDemand } from "../../on-demand.js";
import type { PatternHost } from "../host.js";
import type { SystemHandler } from "../system.js";
import { names } from "./names.js";
import { nameOf, readSettings } from "./settings.js";
import type { Topics } from "./topics.js";
import type { PublishesOptions, TopicEventReport } from "./types.js";

const loadTopics = onDemand(() => import("./topics.js"));

/** An agent's topics, loaded when it or a peer has to do with the first one. */
export function createTopicsOnDemand(host: PatternHost, report: (event: TopicEventReport) => void): Topics {
  const handlers = new Map<string, SystemHandler>();
  /** Declared, and perhaps not yet known to what is being loaded. */
  const declared = new Set<string>();
  let part: Topics | undefined;
  let loading: Promise<Topics> | undefined;
  /** Calls that wait for it: what comes after them must not pass them. */
  let waiting = 0;
  let stopped: TightbeamError | undefined;

  const load = async (): Promise<Topics> => {
    const { createTopics } = await loadTopics();
    const system = { ...host.system, handle: (name: string, handler: SystemHandler) => void handlers.set(name, handler) };
    part = createTopics({ ...host, system }, report);
    if (stopped !== undefined) part.stop(stopped);
    return part;
  };

  const use = <T>(run: (topics: Topics) => T): T | Promise<Awaited<T>> => {
    if (part !== undefined && waiting === 0) return run(part);
    waiting++;
    loading ??= load();
    return loading.then(
      (topics) => {
        waiting--;
        return run(topics);
      },
      (error: unknown) => {
        waiting--;
        loading = undefined;
        throw error;
      },
    ) as Promise<Awaited<T>>;
  };

  for (const name of Object.values(names)) host.system.handle(name, (link, value) => use(() => handlers.get(name)?.(link, value)));

  return {
    publish: (of, value, options) => use((topics) => topics.publish(of, value, options)) as Promise<void>,
    subscribe: (of, handler, options) => use((topics) => topics.subscribe(of, handler, options)) as ReturnType<Topics["subscribe"]>,
    declare(of: Topic | string, options: PublishesOptions) {
      const name = nameOf(of);
      checkName("topic", name);
      readSettings(options);
      if (declared.has(name)) throw invalid(`'${name}' is declared already. End that first by calling what publishes() returned.`);
      declared.add(name);
      let end: (() => void) | undefined;
      const begun = use((topics) => {
        end = topics.declare(of, options);
      });
      if (begun instanceof Promise) begun.catch((error: unknown) => host.onFailure({ id: host.ids.text(), method: name, peer: host.identity.id, error }));
      return () => {
        if (!declared.delete(name)) return;
        // What could not be loaded declared nothing.
        Promise.resolve(use(() => end?.())).catch(() => undefined);
      };
    },
    topics: () => part?.topics() ?? [...declared].map((topic) => ({ topic, subscribers: 0, published: 0, retained: 0 })),
    subscribers: (of) => part?.subscribers(of) ?? [],
    take(link, delivery, header, payload) {
      if (part !== undefined) return part.take(link, delivery, header, payload);
      delivery.settle("no_handler");
      host.onRefused({ peer: link.peer.id, error: new TightbeamError("unsupported", "An event came from a peer that was not asked for any.") });
    },
    linkUp: (link) => part?.linkUp(link),
    linkEnded: (link, error) => part?.linkEnded(link, error),
    drain: async (error) => part?.drain(error),
    stop(error) {
      stopped = error;
      part?.stop(error);
    },
  };
}
