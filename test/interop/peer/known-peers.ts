import { type Bytes, same } from "./bytes.js";
import type { Established } from "./handshake.js";
import type { PeerLink } from "./link.js";
import { type Link, linkKey, resumeMac } from "./link-offer.js";

/** docs/protocol.md, section 6.2: what each side keeps for a peer's inbox, and what it makes of LINK. */

export interface KnownPeer {
  readonly half: Bytes;
  theirs?: Bytes;
  link?: PeerLink | undefined;
  id?: string;
  /** The highest generation seen or offered. */
  generation?: number;
}

export interface KnownPeers {
  /** What the initiator offers in message 3, whose proof signs `h`. */
  offer(inbox: string, id: string, instance: string, h: Bytes): Link;
  /** What the responder makes of the offer: the link to go on with, if there is one, and its answer. Throws to refuse. */
  judge(established: Established, offered: Link): { continued: PeerLink | undefined; answer: Link };
  /** What the initiator makes of READY. */
  conclude(established: Established, continued: boolean, answer: Link): PeerLink | undefined;
  get(inbox: string): KnownPeer | undefined;
  began(inbox: string, link: PeerLink, id: string): void;
  forget(inbox: string, link: PeerLink): void;
}

const zeros = [0, 0, 0, 0];

export function createKnownPeers(instance: string, makeHalf: () => Bytes): KnownPeers {
  const known = new Map<string, KnownPeer>();
  const at = (inbox: string): KnownPeer => {
    const entry = known.get(inbox) ?? { half: makeHalf() };
    known.set(inbox, entry);
    return entry;
  };
  const keyOf = ({ half, theirs }: KnownPeer, peer: string): Bytes | undefined =>
    theirs === undefined ? undefined : linkKey({ instance, half }, { instance: peer, half: theirs });
  const inRange = (link: PeerLink, from: readonly number[], next: readonly number[]): void => {
    if (next.some((each, lane) => each < (from[lane] ?? 0) || each > (link.outgoing.next[lane] ?? 0))) throw new Error("link_state_lost");
    link.outgoing.acknowledge({ entries: next.map((each, lane) => ({ lane, next: each, ranges: [] })) });
  };

  return {
    get: (inbox) => known.get(inbox),
    began(inbox, link, id) {
      Object.assign(at(inbox), { link, id });
    },
    forget(inbox, link) {
      if (known.get(inbox)?.link === link) known.delete(inbox);
    },
    offer(inbox, id, peer, h) {
      const entry = at(inbox);
      const { link, half } = entry;
      const key = keyOf(entry, peer);
      const mac = link !== undefined && key !== undefined && entry.id === id ? { mac: resumeMac(key, 0, h) } : {};
      entry.generation = (entry.generation ?? -1) + 1;
      return { half, generation: entry.generation, next: link?.incoming.next ?? zeros, ...mac };
    },
    judge({ inbox, peer, payload, h3, h }, { half, generation, next, mac }) {
      let entry = at(inbox);
      const knows = entry.theirs !== undefined && same(entry.theirs, half);
      if (knows && entry.link !== undefined && entry.id === peer.id) {
        const key = keyOf(entry, payload.instance) as Bytes;
        if (mac !== undefined && !same(mac, resumeMac(key, 0, h3))) throw new Error("auth");
        inRange(entry.link, zeros, next);
        entry.generation = Math.max(entry.generation ?? 0, generation);
        return { continued: entry.link, answer: { half: entry.half, generation, next: entry.link.incoming.next, mac: resumeMac(key, 1, h) } };
      }
      if (entry.theirs !== undefined && !knows) {
        entry.link?.close();
        known.delete(inbox);
        entry = at(inbox);
      }
      entry.theirs = half;
      entry.generation = Math.max(entry.generation ?? 0, generation);
      return { continued: undefined, answer: { half: entry.half, generation, next: zeros } };
    },
    conclude({ inbox, payload, h }, continued, { half, next, mac }) {
      const entry = at(inbox);
      const knows = entry.theirs !== undefined && same(entry.theirs, half);
      const { link } = entry;
      if (continued) {
        if (entry.theirs !== undefined && !knows) throw new Error("auth");
        entry.theirs = half;
        if (mac === undefined || !same(mac, resumeMac(keyOf(entry, payload.instance) as Bytes, 1, h))) throw new Error("auth");
      } else if (link !== undefined && !knows) {
        link.close("delivery_unknown");
        entry.link = undefined;
      }
      entry.theirs = half;
      if (entry.link !== undefined) inRange(entry.link, zeros, next);
      return entry.link;
    },
  };
}
