import type { Link, LinkState, LinkStatus } from "../link/link-types.js";
import type { CapabilityExchange } from "./peers/capabilities.js";
import type { Capabilities } from "./peers/hello.js";
import type { Peers } from "./peers/peers.js";

/** What an application sees of a link. */
export interface AgentLink {
  readonly peer: {
    readonly id: string;
    readonly instance: string;
    readonly issuer: string;
    readonly thumbprint: string;
    readonly permissions: readonly string[];
    /** What the peer can do, as far as its token lets it. Undefined until it has said so: one message after the link is there. */
    readonly capabilities: Capabilities | undefined;
  };
  readonly state: LinkState;
  /** Suite, epochs, round trip in ms, counters: a snapshot. */
  status(): LinkStatus;
  /** Tells the peer and ends the link. What is pending on it settles with a typed error, or goes to another instance when it may run twice. */
  close(): void;
}

/** An instance that this agent is linked with, and what it is as far as its token permits. */
export interface AgentPeer {
  readonly id: string;
  readonly instance: string;
  readonly kinds: readonly string[];
  /** As it reported it last. */
  readonly load: number | undefined;
  readonly link: AgentLink;
}

export interface Views {
  /** One object per link, so that applications can compare them. */
  link(link: Link): AgentLink;
  peer(link: Link): AgentPeer;
}

export function createViews({ of }: Pick<CapabilityExchange, "of">, { kindsOf, loadOf }: Pick<Peers, "kindsOf" | "loadOf">): Views {
  const views = new WeakMap<Link, AgentLink>();

  const view = (link: Link): AgentLink => {
    const known = views.get(link);
    if (known !== undefined) return known;
    const made: AgentLink = {
      get peer() {
        const { id, instance, issuer, thumbprint, permissions } = link.peer;
        return { id, instance, issuer, thumbprint, permissions, capabilities: of(link) };
      },
      get state() {
        return link.state;
      },
      status: () => link.status(),
      close: () => link.close(),
    };
    views.set(link, made);
    return made;
  };

  return {
    link: view,
    peer(link) {
      const { id, instance } = link.peer;
      return { id, instance, kinds: kindsOf(link), load: loadOf(link), link: view(link) };
    },
  };
}
