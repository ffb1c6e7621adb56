import type { Topic } from "../../contract/index.js";
import { invalid } from "../../contract/standard-schema.js";
import type { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { TopicSettings } from "./published.js";
import type { PublishesOptions } from "./types.js";

/** Throws `invalid_argument` for what is neither a name nor a topic; whether it is a name that topics have is another question. */
export const nameOf = (topic: Topic | string): string => {
  if (typeof topic === "object" && topic !== null && topic.kind === "topic") return topic.name;
  if (typeof topic !== "string") throw invalid("A topic is a name, or what topic() makes.");
  return topic;
};

const known = ["retain", "queue", "patience", "slow"];

/** Throws `invalid_argument`. */
export function readSettings(options: PublishesOptions): TopicSettings {
  const { retain: kept = 0, queue = {}, patience = limits.topicPatienceMs, slow = "drop-oldest", ...unknown } = options;
  checkKnown("publishes()", unknown, known);
  const { events = limits.topicQueueEvents, bytes = limits.topicQueueBytes, ...more } = queue;
  checkKnown("publishes() under queue", more, ["events", "bytes"]);
  if (!isWhole(kept, 0, limits.topicRetainMax)) throw invalid(`retain is a number of events from 0 to ${limits.topicRetainMax}.`);
  if (!isWhole(events, 1, 2 ** 20) || !isWhole(bytes, 1, 2 ** 30)) throw invalid("queue is { events, bytes }: 1 to 2^20 events and 1 to 2^30 bytes.");
  if (!isWhole(patience, 0, 2 ** 31 - 1)) throw invalid("patience is a number of ms from 0 to 2^31 - 1.");
  if (slow !== "drop-oldest" && slow !== "drop-newest" && slow !== "disconnect") throw invalid("slow is drop-oldest, drop-newest or disconnect.");
  return { retain: kept, events, bytes, patience, slow };
}

const isWhole = (value: unknown, least: number, most: number): boolean => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

export const declaredAlready = (name: string): TightbeamError => invalid(`'${name}' is declared already. End that first by calling what publishes() returned.`);
