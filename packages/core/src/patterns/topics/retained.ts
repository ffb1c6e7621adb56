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
  // The newest of each topic, the newest of all last: what is not replayed is not looked at, however much is retained.
  const newest: Newest[] = [];
  for (const topic of topics) if (topic.retained.length > 0) newest.push(newestOf(topic, topic.retained.length - 1));
  newest.sort((one, other) => (one.kept.header.id < other.kept.header.id ? -1 : 1));
  const chosen: Published[] = [];
  let bytes = outlet.queuedBytes;
  while (chosen.length < replay) {
    const last = newest.pop();
    if (last === undefined) break;
    const { topic, kept, index } = last;
    const { settings } = topic;
    if (outlet.queued + chosen.length >= settings.events || bytes >= settings.bytes) break;
    const header = { ...kept.header, correlationId: id };
    const event = new Published(topic, header, kept.payload, encodeEnvelope(header, kept.payload), kept.lane, budget);
    chosen.push(event);
    bytes += event.cost;
    if (index > 0) insert(newest, newestOf(topic, index - 1));
  }
  return chosen.reverse();
}

/** The newest event of a topic that is not chosen yet. */
interface Newest {
  readonly topic: PublishedTopic;
  readonly index: number;
  readonly kept: Retained;
}

const newestOf = (topic: PublishedTopic, index: number): Newest => ({ topic, index, kept: topic.retained.at(index) as Retained });

/** Where it belongs: in most cases near the end. */
function insert(sorted: Newest[], one: Newest): void {
  const { id } = one.kept.header;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as Newest).kept.header.id < id) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, one);
}
