import { checkName } from "../../contract/standard-schema.js";
import * as limits from "../../limits.js";
import { createFifo } from "../../link/fifo.js";
import type { PatternHost } from "../host.js";
import type { TopicSettings } from "./published.js";
import type { PublishedTopic } from "./published-topic.js";
import { forget } from "./retained.js";
import { declaredAlready } from "./settings.js";

/** The topics of a publisher by name: those declared, and so many others. */
export interface TopicTable {
  /** Throws `invalid_argument` for what is no name. */
  get(name: string): PublishedTopic;
  /** The same, and keeps nothing. */
  look(name: string): PublishedTopic;
  declare(name: string, settings: TopicSettings): () => void;
  all(): Iterable<PublishedTopic>;
}

const plain: TopicSettings = Object.freeze({
  retain: 0,
  events: limits.topicQueueEvents,
  bytes: limits.topicQueueBytes,
  patience: limits.topicPatienceMs,
  slow: "drop-oldest",
});

export function createTopicTable(host: Pick<PatternHost, "links">): TopicTable {
  const topics = new Map<string, PublishedTopic>();
  /** Names that were published and not declared, oldest first. */
  const others = new Set<string>();

  const look = (name: string): PublishedTopic => {
    const found = topics.get(name);
    if (found !== undefined) return found;
    checkName("topic", name);
    return {
      name,
      settings: plain,
      declared: false,
      published: 0,
      targets: [],
      edition: 0,
      waiting: createFifo(),
      retained: createFifo(),
      retainedBytes: 0,
    };
  };

  /** Those with events that wait stay: `publishesWaiting` bounds them. */
  const keepOther = (topic: PublishedTopic): void => {
    topics.set(topic.name, topic);
    others.add(topic.name);
    if (others.size <= limits.topicsKept) return;
    for (const name of others) {
      if (name === topic.name || (topics.get(name)?.waiting.length ?? 0) > 0) continue;
      topics.delete(name);
      others.delete(name);
      return;
    }
  };

  return {
    look,
    get(name) {
      const topic = look(name);
      if (!topic.declared && !others.has(name)) keepOther(topic);
      return topic;
    },
    declare(name, settings) {
      const topic = look(name);
      if (topic.declared) throw declaredAlready(name);
      topic.declared = true;
      topic.settings = settings;
      others.delete(name);
      topics.set(name, topic);
      return () => {
        if (!topic.declared || topic.settings !== settings) return;
        topic.declared = false;
        topic.settings = plain;
        forget(topic, host.links.budget);
        keepOther(topic);
      };
    },
    all: () => topics.values(),
  };
}
