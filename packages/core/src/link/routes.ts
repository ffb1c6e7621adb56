import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import { createDials, type Dials, type DialsOptions } from "./dials.js";
import type { LinkEnd, LinkTarget } from "./link-types.js";
import { createReplicaTable, type ReplicaTable } from "./replicas.js";
import type { SeekOptions } from "./seek.js";
import { createSeeking } from "./seeking.js";

export interface RoutesOptions {
  readonly runtime: Runtime;
  /** The link with one instance, whatever its state. */
  readonly withInstance: (id: string, instance: string) => LinkEnd | undefined;
  readonly ask: SeekOptions["ask"];
  /** A handshake with who is at this address, and the link it leads to. */
  readonly dial: DialsOptions["dial"];
}

/** Which link leads to a target: one there is, or one that is dialled. Looks for an agent's other instances meanwhile. */
export interface Routes extends Pick<ReplicaTable, "add" | "remove">, Dials {
  /** The link for all but requests: with one instance, or the one established first. */
  find(target: LinkTarget): LinkEnd | undefined;
  /** The link for a request: with one instance, or the idlest. */
  choose(target: LinkTarget): LinkEnd | undefined;
  /** All live links, or those with one agent. */
  all(id?: string): LinkEnd[];
  /** Looks for the agent's other instances. */
  seek(id: string): void;
}

export function createRoutes({ runtime, withInstance, ask, dial }: RoutesOptions): Routes {
  const replicas = createReplicaTable((busy) => seeker.seek(busy));
  const find = ({ id, instance }: LinkTarget): LinkEnd | undefined => (instance === undefined ? replicas.first(id) : withInstance(id, instance));

  const dials = createDials({
    runtime,
    find(target) {
      const link = find(target);
      return target.instance === undefined && link?.declines === true ? undefined : link;
    },
    dial(to, options) {
      // Instances that are silent may still be in the group and take the first message: the others are asked for by name.
      const silent = to.startsWith("agent/") ? replicas.of(to.slice("agent/".length)) : undefined;
      if (silent !== undefined) seeker.seekNow(silent);
      return dial(to, options);
    },
  });

  const seeker = createSeeking({
    runtime,
    ask,
    isKnown: (id, instance) => withInstance(id, instance) !== undefined,
    dial: (id, instance) => dials.connect({ id, instance }, { timeout: limits.handshakeDeadlineMs }),
  });

  return {
    add: replicas.add,
    remove: replicas.remove,
    find,
    choose: ({ id, instance }) => (instance === undefined ? replicas.idlest(id) : withInstance(id, instance)),
    all: (id) => (id === undefined ? replicas.all() : [...(replicas.of(id)?.links ?? [])]),
    seek(id) {
      const known = replicas.of(id);
      if (known !== undefined) seeker.seekNow(known);
    },
    connect: dials.connect,
    arrived: dials.arrived,
    renew: dials.renew,
  };
}
