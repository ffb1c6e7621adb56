import type { SourceUpdate } from "../source/types.js";
import { idOf, instanceOf } from "./keys.js";
import { keptLimits } from "./protocol.js";
import type { AgentView, BreakerView, LinkView } from "./types.js";

interface NetworkChange {
  readonly agents: readonly AgentView[];
  readonly links: readonly LinkView[];
  readonly gone: readonly string[];
  readonly breakers: readonly BreakerView[];
}

export interface KnownNetwork {
  /** What the agent of this key told. */
  add(agent: string, update: SourceUpdate): void;
  /** The agent of this key is watched no more. */
  forget(agent: string): void;
  /** What changed since it was taken last. */
  take(): NetworkChange;
  all(): NetworkChange;
}

/**
 * Agents, links and breakers as they are now. Of an agent that nobody watches its links are all that is known. There are `sources` that are watched:
 * each has a part of the room that the others cannot take, whatever they tell of.
 */
export function createKnownNetwork(sources: number): KnownNetwork {
  const agents = new Map<string, AgentView>();
  const links = new Map<string, LinkView>();
  const breakers = new Map<string, BreakerView>();
  /** How many links name an agent. */
  const named = new Map<string, number>();
  /** How many links an agent told of. */
  const told = new Map<string, number>();
  let changed = new Map<string, AgentView | LinkView | BreakerView>();
  let gone = new Set<string>();

  function put<T extends AgentView | LinkView | BreakerView>(map: Map<string, T>, most: number, entry: T): boolean {
    if (!map.has(entry.key) && map.size >= most) return false;
    map.set(entry.key, entry);
    changed.set(entry.key, entry);
    gone.delete(entry.key);
    return true;
  }

  function drop(map: Map<string, unknown>, key: string): void {
    if (!map.delete(key)) return;
    changed.delete(key);
    gone.add(key);
  }

  function hasRoom(own: number, all: number, most: number): boolean {
    const part = Math.floor(most / 2 / sources);
    return all < most && (own < part || all < most - part * (sources - 1));
  }

  /** Who is watched has a place, whoever has filled the rest with names of peers. */
  function addWatched(agent: AgentView): void {
    if (!agents.has(agent.key) && agents.size >= keptLimits.agents) {
      const other = [...agents.values()].find(({ watched }) => watched === "none");
      if (other !== undefined) drop(agents, other.key);
    }
    put(agents, keptLimits.agents, agent);
  }

  function addBreaker(breaker: BreakerView): void {
    const own = [...breakers.values()].filter(({ agent }) => agent === breaker.agent);
    if (!breakers.has(breaker.key) && !hasRoom(own.length, breakers.size, keptLimits.breakers)) {
      const oldest = own.find(({ state }) => state === "closed") ?? own[0];
      if (oldest === undefined) return;
      drop(breakers, oldest.key);
    }
    // One that moves is the newest.
    breakers.delete(breaker.key);
    put(breakers, keptLimits.breakers, breaker);
  }

  function addLink(link: LinkView): void {
    const isNew = !links.has(link.key);
    const own = told.get(link.from) ?? 0;
    if (isNew && !hasRoom(own, links.size, keptLimits.links)) return;
    put(links, keptLimits.links, link);
    if (!isNew) return;
    told.set(link.from, own + 1);
    named.set(link.to, (named.get(link.to) ?? 0) + 1);
    if (!agents.has(link.to))
      put(agents, keptLimits.agents, { key: link.to, id: idOf(link.to), instance: instanceOf(link.to), watched: "none", state: "unknown" });
  }

  function dropLink(key: string, to: string): void {
    const from = links.get(key)?.from;
    if (from === undefined) return;
    drop(links, key);
    told.set(from, (told.get(from) ?? 1) - 1);
    const left = (named.get(to) ?? 1) - 1;
    if (left > 0) named.set(to, left);
    else {
      named.delete(to);
      if (agents.get(to)?.watched === "none") drop(agents, to);
    }
  }

  return {
    add(agent, update) {
      if (update.agent !== undefined) addWatched(update.agent);
      for (const peer of update.gone) dropLink(`${agent} ${peer}`, peer);
      for (const link of update.links) addLink(link);
      for (const { peer, method, state, at } of update.breakers) {
        addBreaker({ key: `${agent} ${peer} ${method}`, agent, peer, method, state, at });
      }
    },
    forget(agent) {
      for (const { key, to } of [...links.values()].filter(({ from }) => from === agent)) dropLink(key, to);
      for (const { key } of [...breakers.values()].filter((breaker) => breaker.agent === agent)) drop(breakers, key);
      told.delete(agent);
      const known = agents.get(agent);
      if (known === undefined) return;
      if (named.has(agent)) put(agents, keptLimits.agents, { key: agent, id: known.id, instance: known.instance, watched: "none", state: "unknown" });
      else drop(agents, agent);
    },
    take() {
      const change: { agents: AgentView[]; links: LinkView[]; breakers: BreakerView[] } = { agents: [], links: [], breakers: [] };
      for (const key of changed.keys()) {
        const agent = agents.get(key);
        const link = links.get(key);
        const breaker = breakers.get(key);
        if (agent !== undefined) change.agents.push(agent);
        if (link !== undefined) change.links.push(link);
        if (breaker !== undefined) change.breakers.push(breaker);
      }
      const taken = { ...change, gone: [...gone] };
      changed = new Map();
      gone = new Set();
      return taken;
    },
    all: () => ({ agents: [...agents.values()], links: [...links.values()], breakers: [...breakers.values()], gone: [] }),
  };
}
