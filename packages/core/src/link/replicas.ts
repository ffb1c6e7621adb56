import type { LinkEnd } from "./link-types.js";

/** The live links of one agent, the oldest first, each with an instance of its own. */
export interface Replicas {
  readonly id: string;
  readonly links: readonly LinkEnd[];
}

/** The live links by agent: looked up for every message. */
export interface ReplicaTable {
  add(link: LinkEnd): void;
  remove(link: LinkEnd): void;
  of(id: string): Replicas | undefined;
  all(): LinkEnd[];
  /** The link established first among those whose peer answers: messages that go there keep their order for as long as it does. */
  first(id: string): LinkEnd | undefined;
  /** Where a request goes: among the links whose peer answers the one with the fewest requests that wait for a reply, and of several the one that had none for longest. */
  idlest(id: string): LinkEnd | undefined;
}

interface Place {
  readonly link: LinkEnd;
  /** Which choice it was last. */
  chosen: number;
}

class AgentReplicas implements Replicas {
  readonly id: string;
  links: readonly LinkEnd[] = [];
  places: readonly Place[] = [];

  constructor(id: string) {
    this.id = id;
  }
}

const none: readonly LinkEnd[] = [];

/** A transport that is down is no fault of the peer. */
const answers = ({ state }: LinkEnd): boolean => state === "up" || state === "down";

/** `onBusy`: a request was placed while others of its agent wait. Called for every such request. */
export function createReplicaTable(onBusy: (replicas: Replicas) => void): ReplicaTable {
  const agents = new Map<string, AgentReplicas>();
  let choices = 0;

  return {
    add(link) {
      const { id } = link.peer;
      const replicas = agents.get(id) ?? new AgentReplicas(id);
      replicas.links = [...replicas.links, link];
      replicas.places = [...replicas.places, { link, chosen: 0 }];
      agents.set(id, replicas);
    },
    remove(link) {
      const { id } = link.peer;
      const replicas = agents.get(id);
      if (replicas === undefined) return;
      replicas.links = replicas.links.filter((other) => other !== link);
      replicas.places = replicas.places.filter((place) => place.link !== link);
      if (replicas.links.length === 0) agents.delete(id);
    },
    of: (id) => agents.get(id),
    all: () => [...agents.values()].flatMap(({ links }) => links),
    first(id) {
      let last: LinkEnd | undefined;
      for (const link of agents.get(id)?.links ?? none) {
        if (!answers(link)) continue;
        if (!link.declines) return link;
        last ??= link;
      }
      return last;
    },
    idlest(id) {
      const replicas = agents.get(id);
      if (replicas === undefined) return undefined;
      let best: Place | undefined;
      let busy = false;
      for (const place of replicas.places) {
        if (place.link.awaited > 0) busy = true;
        if (answers(place.link) && (best === undefined || isIdler(place, best))) best = place;
      }
      if (best === undefined) return undefined;
      best.chosen = ++choices;
      if (busy) onBusy(replicas);
      return best.link;
    },
  };
}

const isIdler = (a: Place, b: Place): boolean => (a.link.declines === b.link.declines ? isIdlerOfEquals(a, b) : b.link.declines);

const isIdlerOfEquals = (a: Place, b: Place): boolean => a.link.awaited < b.link.awaited || (a.link.awaited === b.link.awaited && a.chosen < b.chosen);
