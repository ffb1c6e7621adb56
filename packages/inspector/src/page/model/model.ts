import type { AgentView, BreakerView, EventView, FeedAbout, FeedBatch, LinkView, RatePoint, SecurityView } from "../../feed/types.js";
import { type Conversations, createConversations } from "./conversations.js";
import { type Edge, edgesOf, nameOfKey, namesOf } from "./edges.js";
import { createRing, type Ring } from "./ring.js";
import { shown } from "./shown.js";

/** What the page keeps: everything in it is bounded, whatever the feed says. */
export const kept = { agents: 2_000, links: 10_000, messages: 2_000, security: 500, events: 500, breakers: 2_000, points: 300, agentPoints: 60 } as const;

/** All that the feed told, as it is now. Mutable: `version` of the app says when to look again. */
export interface Model {
  readonly about: FeedAbout | undefined;
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly links: ReadonlyMap<string, LinkView>;
  readonly breakers: ReadonlyMap<string, BreakerView>;
  readonly conversations: Conversations;
  readonly security: Ring<SecurityView>;
  readonly events: Ring<EventView>;
  /** Batches of this connection, and messages that the feed did not tell of because there were too many. */
  readonly batches: number;
  readonly dropped: number;
  /** Batches that never came, by their numbers. */
  readonly missed: number;
  /** Agents, links and breakers that the page has no room for. */
  readonly overflow: number;
  /** Rises when agents or links came, went, or changed their state. */
  readonly shape: number;
  /** Of one agent; "" for all. */
  points(agent: string): Ring<RatePoint>;
  edges(): readonly Edge[];
  /** The name to show for an agent's key. */
  name(key: string): string;
  apply(batch: FeedBatch): void;
}

/** What others say in it is made fit to be shown; `agent` and `peer` may be keys, and become names later. */
function legible({ what, method, code, detail, ...entry }: EventView): EventView {
  return {
    ...entry,
    what: shown(what),
    ...(method === undefined ? {} : { method: shown(method) }),
    ...(code === undefined ? {} : { code: shown(code) }),
    ...(detail === undefined ? {} : { detail: shown(detail) }),
  };
}

const legibleAgent = ({ transport, ...agent }: AgentView): AgentView => (transport === undefined ? agent : { ...agent, transport: shown(transport) });

function legibleLink({ transport, suite, thumbprint, issuer, ...link }: LinkView): LinkView {
  return {
    ...link,
    thumbprint: shown(thumbprint),
    issuer: shown(issuer, 512),
    ...(transport === undefined ? {} : { transport: shown(transport) }),
    ...(suite === undefined ? {} : { suite: { id: suite.id, name: shown(suite.name) } }),
  };
}

export function createModel(): Model {
  const agents = new Map<string, AgentView>();
  const links = new Map<string, LinkView>();
  const breakers = new Map<string, BreakerView>();
  const points = new Map<string, Ring<RatePoint>>();
  const conversations = createConversations(kept.messages);
  const security = createRing<SecurityView>(kept.security);
  const events = createRing<EventView>(kept.events);
  const none = createRing<RatePoint>(1);
  const numbers = { batches: 0, dropped: 0, missed: 0, overflow: 0, shape: 0, sequence: -1 };
  let about: FeedAbout | undefined;
  let names: Map<string, string> | undefined;
  let edges: { readonly of: number; readonly list: readonly Edge[] } | undefined;

  function put<T extends { readonly key: string }>(map: Map<string, T>, item: T, most: number): void {
    if (map.size >= most && !map.has(item.key)) numbers.overflow += 1;
    else map.set(item.key, item);
  }

  function forget(): void {
    for (const map of [agents, links, breakers, points]) map.clear();
    conversations.clear();
    security.clear();
    events.clear();
    Object.assign(numbers, { dropped: 0, missed: 0, overflow: 0, batches: 0, sequence: -1 });
  }

  function takeShape(batch: FeedBatch): void {
    const changed =
      batch.whole ||
      batch.gone.length > 0 ||
      batch.agents.some((agent) => agents.get(agent.key)?.state !== agent.state || agents.get(agent.key)?.watched !== agent.watched) ||
      batch.links.some((link) => links.get(link.key)?.state !== link.state);
    for (const key of batch.gone) {
      agents.delete(key);
      links.delete(key);
      breakers.delete(key);
      points.delete(key);
    }
    for (const agent of batch.agents) put(agents, legibleAgent(agent), kept.agents);
    for (const link of batch.links) put(links, legibleLink(link), kept.links);
    if (changed) {
      numbers.shape += 1;
      names = undefined;
    }
  }

  function takePoint(point: RatePoint): void {
    let ring = points.get(point.agent);
    if (ring === undefined) {
      if (points.size > kept.agents) return;
      ring = createRing(point.agent === "" ? kept.points : kept.agentPoints);
      points.set(point.agent, ring);
    }
    ring.push(point);
  }

  return {
    get about() {
      return about;
    },
    agents,
    links,
    breakers,
    conversations,
    security,
    events,
    get batches() {
      return numbers.batches;
    },
    get dropped() {
      return numbers.dropped;
    },
    get missed() {
      return numbers.missed;
    },
    get overflow() {
      return numbers.overflow;
    },
    get shape() {
      return numbers.shape;
    },
    points: (agent) => points.get(agent) ?? none,
    edges() {
      if (edges?.of !== numbers.batches) edges = { of: numbers.batches, list: edgesOf(links.values()) };
      return edges.list;
    },
    name(key) {
      names ??= namesOf(agents.values());
      return names.get(key) ?? nameOfKey(key);
    },
    apply(batch) {
      if (batch.whole) forget();
      else if (numbers.sequence >= 0) numbers.missed += Math.max(0, batch.sequence - numbers.sequence - 1);
      numbers.sequence = batch.sequence;
      numbers.batches += 1;
      numbers.dropped += batch.dropped;
      about = batch.about ?? about;
      takeShape(batch);
      for (const message of batch.messages) conversations.take(message.name === undefined ? message : { ...message, name: shown(message.name) });
      for (const point of batch.points) takePoint(point);
      for (const breaker of batch.breakers) put(breakers, { ...breaker, peer: shown(breaker.peer), method: shown(breaker.method) }, kept.breakers);
      for (const entry of batch.security)
        security.push({ ...entry, reason: shown(entry.reason), ...(entry.peer === undefined ? {} : { peer: shown(entry.peer) }) });
      for (const entry of batch.events) events.push(legible(entry));
    },
  };
}
