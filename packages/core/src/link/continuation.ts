import { equalBytes } from "../bytes.js";
import type { Hash } from "../crypto/provider.js";
import { TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import type { Random } from "../runtime/runtime.js";
import type { Peer } from "../secure/types.js";
import type { LinkEnd } from "./link-types.js";
import { decodeLinkOffer, encodeLinkOffer, halfBytes, type LinkOffer, linkKey, resumeMac } from "./resume.js";

/** What this instance keeps about its link with one other instance, from the first handshake on. */
export interface LinkRecord {
  readonly half: Uint8Array;
  peerHalf: Uint8Array | undefined;
  key: Uint8Array | undefined;
  /** Undefined until a handshake has finished. */
  link: LinkEnd | undefined;
  /** Our half was offered in a handshake that may still finish. */
  offering: boolean;
  /** The highest generation that was offered here, -1 before any: a handshake that failed here may have succeeded at the peer. */
  generation: number;
}

/** What a handshake decided: which generation the session has, whether an old link ended by it, what the peer has. */
export interface Agreement {
  readonly record: LinkRecord;
  readonly generation: number;
  readonly peerNext: readonly number[];
}

export interface ContinuationOptions {
  readonly sha256: Hash;
  readonly random: Random;
  readonly instance: string;
  /** Keyed by the peer's inbox address. */
  readonly records: Map<string, LinkRecord>;
  /** Ends a link whose other half is gone. The record stays for the link that follows, without it. */
  readonly endLink: (link: LinkEnd, error: TightbeamError) => void;
}

interface Offered {
  readonly record: LinkRecord;
  readonly link: LinkEnd | undefined;
  readonly generation: number;
  /** What was acknowledged when message 3 was made: the peer cannot expect less. */
  readonly acknowledged: readonly number[];
}

const nothing: readonly number[] = [0, 0, 0, 0];

/** Whether a new session continues a link, joins it or begins it (docs/protocol.md, section 6). */
export function createContinuation(options: ContinuationOptions) {
  const { sha256, random, instance, records, endLink } = options;
  const offers = new WeakMap<Peer, Offered>();
  /** Records made for an offer, oldest first: one whose handshake never finished goes when there are too many. */
  const offered = new Map<string, LinkRecord>();

  const newRecord = (key: string): LinkRecord => {
    const record: LinkRecord = { half: random.bytes(halfBytes), peerHalf: undefined, key: undefined, link: undefined, offering: false, generation: -1 };
    records.set(key, record);
    return record;
  };

  const offeredRecord = (key: string): LinkRecord => {
    const record = newRecord(key);
    offered.delete(key);
    offered.set(key, record);
    for (const [oldest, old] of offered) {
      if (offered.size <= limits.handshakesPending) break;
      offered.delete(oldest);
      if (old.link === undefined && records.get(oldest) === old) records.delete(oldest);
    }
    return record;
  };

  const adopt = (record: LinkRecord, peer: Peer, half: Uint8Array): Uint8Array => {
    record.peerHalf = half;
    record.key = linkKey(sha256, { instance, half: record.half }, { instance: peer.instance, half });
    return record.key;
  };

  const endOld = (record: LinkRecord, peer: Peer): void => {
    const old = record.link;
    record.link = undefined;
    if (old !== undefined)
      endLink(old, new TightbeamError("delivery_unknown", `${peer.id} no longer knows this link; whether it got what was pending is unknown.`));
  };

  const sameParty = (record: LinkRecord, peer: Peer): boolean =>
    record.link === undefined || (record.link.peer.id === peer.id && record.link.peer.issuer === peer.issuer);

  /** The peer's next expected numbers must be ones we have given out. */
  const checkNext = (record: LinkRecord, offer: LinkOffer, atLeast: readonly number[]): readonly number[] => {
    const toSend = record.link?.next().toSend ?? nothing;
    const fits = offer.next.every((value, lane) => value <= (toSend[lane] as number) && value >= (atLeast[lane] as number));
    if (!fits) throw new TightbeamError("link_state_lost", "The peer's place in this link does not fit ours: one side lost or repeated its state.");
    return offer.next;
  };

  return {
    /** Initiator: LINK of message 3. */
    offer(peer: Peer, h: Uint8Array): Uint8Array {
      const record = records.get(peer.inbox) ?? offeredRecord(peer.inbox);
      const { link, key } = record;
      const continues = link !== undefined && key !== undefined && sameParty(record, peer);
      const generation = Math.max(link?.generation() ?? -1, record.generation) + 1;
      record.offering = true;
      record.generation = generation;
      offers.set(peer, { record, link, generation, acknowledged: link?.next().acknowledged ?? nothing });
      return encodeLinkOffer({
        half: record.half,
        generation,
        next: link?.next().expected ?? nothing,
        mac: continues ? resumeMac(sha256, key, 0, h) : undefined,
      });
    },

    /** Responder: judges message 3 and answers with READY's LINK. Throws to refuse. */
    accept(
      peer: Peer,
      offered: Uint8Array,
      h: Uint8Array,
      finalHash: Uint8Array,
    ): { readonly continued: boolean; readonly link: Uint8Array; readonly agreement: Agreement } {
      const offer = decodeLinkOffer(offered);
      let record = records.get(peer.inbox);
      const known = record?.peerHalf !== undefined && equalBytes(record.peerHalf, offer.half);
      let continued = false;
      if (record !== undefined && known && record.key !== undefined && record.link !== undefined && sameParty(record, peer)) {
        if (offer.mac !== undefined && !equalBytes(offer.mac, resumeMac(sha256, record.key, 0, h))) {
          throw new TightbeamError("auth", `The proof that ${peer.id} continues its link is wrong.`);
        }
        continued = true;
      } else if (record?.peerHalf !== undefined) {
        // Another half: the peer began anew. What was pending on the old link is its `delivery_unknown`.
        endOld(record, peer);
        // When both dial at once and neither knows the other's half, what each has offered is what they both come to know: else they would part again, and for ever.
        if (!record.offering) record = newRecord(peer.inbox);
      }
      record ??= newRecord(peer.inbox);
      const key = continued ? (record.key as Uint8Array) : adopt(record, peer, offer.half);
      const peerNext = continued ? checkNext(record, offer, nothing) : nothing;
      const reply = {
        half: record.half,
        generation: offer.generation,
        next: record.link?.next().expected ?? nothing,
        mac: continued ? resumeMac(sha256, key, 1, finalHash) : undefined,
      };
      return { continued, link: encodeLinkOffer(reply), agreement: { record, generation: offer.generation, peerNext } };
    },

    /** Initiator: judges READY. Throws when it does not fit what was offered. */
    conclude(peer: Peer, answered: Uint8Array, continued: boolean, finalHash: Uint8Array): Agreement {
      const made = offers.get(peer);
      if (made === undefined) throw new TightbeamError("internal", "READY came for a handshake that offered no link.");
      const answer = decodeLinkOffer(answered);
      const { record } = made;
      // Meanwhile a handshake of the other direction may have replaced the record we offered from.
      if (records.get(peer.inbox) !== record) throw new TightbeamError("link_state_lost", `The link with ${peer.id} was replaced while this handshake ran.`);
      record.offering = false;
      // Of another link than that it would say nothing.
      const acknowledged = record.link === made.link ? made.acknowledged : nothing;
      if (!continued) {
        // The half we know: the peer dialled us before, READY did not reach it, and it took this for our first word. It has had nothing of the link.
        const known = record.peerHalf !== undefined && equalBytes(record.peerHalf, answer.half);
        if (!known) {
          endOld(record, peer);
          adopt(record, peer, answer.half);
        }
        return { record, generation: made.generation, peerNext: record.link === undefined ? nothing : checkNext(record, answer, acknowledged) };
      }
      if (record.peerHalf !== undefined && !equalBytes(record.peerHalf, answer.half))
        throw new TightbeamError("auth", `${peer.id} continued another link than this one.`);
      const key = record.key ?? adopt(record, peer, answer.half);
      if (answer.mac === undefined || !equalBytes(answer.mac, resumeMac(sha256, key, 1, finalHash))) {
        throw new TightbeamError("auth", `The proof that ${peer.id} continues its link is wrong.`);
      }
      return { record, generation: made.generation, peerNext: checkNext(record, answer, acknowledged) };
    },
  };
}

export type Continuation = ReturnType<typeof createContinuation>;
