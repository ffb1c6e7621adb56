import { encodeEnvelope } from "../../envelope/wire.js";
import * as limits from "../../limits.js";
import type { MemoryBudget } from "../../link/budget.js";
import type { Outlet } from "./outlet.js";
import { compact, Published, type Retained } from "./published.js";
import type { PublishedTopic } from "./published-topic.js";
import type { Ask } from "./wire.js";

/** What a retained event costs beside its bytes. */
const retainedCost = 256;

/** Keeps an event for those who ask for a replay, and lets go of older ones. */
export function retain(topic: PublishedTopic, { header, payload, bytes, lane }: Published, budget: MemoryBudget): void {
  const size = bytes.length + retainedCost;
  if (size > limits.topicRetainBytes) return;
  while (topic.retained.length >= topic.settings.retain || topic.retainedBytes + size > limits.topicRetainBytes) letGo(topic, budget);
  if (!budget.take(size)) return;
  const own = payload === undefined ? undefined : { kind: payload.kind, bytes: compact(payload.bytes) };
  topic.retained.push({ header, payload: own, lane, size });
  topic.retainedBytes += size;
}

function letGo(topic: PublishedTopic, budget: MemoryBudget): void {
  const { size = 0 } = topic.retained.shift() ?? {};
  topic.retainedBytes -= size;
  budget.give(size);
}

export function forget(topic: PublishedTopic, budget: MemoryBudget): void {
  while (topic.retained.length > 0) letGo(topic, budget);
}

/** The last of these topics' events, oldest first: so many as were asked for and the subscriber's queue has room for, marked as of that subscription. */
export function replayOf(topics: readonly PublishedTopic[], { id, replay }: Ask, outlet: Outlet, budget: MemoryBudget): Published[] {
  const all: { topic: PublishedTopic; kept: Retained }[] = [];
  for (const topic of topics) {
    for (let back = 1; back <= Math.min(replay, topic.retained.length); back++)
      all.push({ topic, kept: topic.retained.at(topic.retained.length - back) as Retained });
  }
  all.sort((one, other) => (one.kept.header.id < other.kept.header.id ? 1 : -1));
  const chosen: Published[] = [];
  let bytes = outlet.queuedBytes;
  for (const { topic, kept } of all.slice(0, replay)) {
    const { settings } = topic;
    if (outlet.queued + chosen.length >= settings.events || bytes >= settings.bytes) break;
    const header = { ...kept.header, correlationId: id };
    const event = new Published(topic, header, kept.payload, encodeEnvelope(header, kept.payload), kept.lane, budget);
    chosen.push(event);
    bytes += event.cost;
  }
  return chosen.reverse();
}
