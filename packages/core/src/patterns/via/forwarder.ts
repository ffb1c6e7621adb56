import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { PatternHost } from "../host.js";
import { type AgentShare, type Client, createClient, type DeliveryCounters, type Queues, tellStopped } from "./client.js";
import type { Intake } from "./desk.js";
import { addressOf, bodyAt, hopsOf, isForwarded, owned } from "./message.js";
import type { ForwardingLimits } from "./options.js";
import { isOwn, mayListen, mayReach, presence } from "./rule.js";
import { type Bench, choose, createSeats, type Place, type Seat } from "./seats.js";
import type { Upstream } from "./upstream.js";
import { hopsMax, joined, readJoin, readLeaving, readListening } from "./words.js";

export interface ForwardingCounters extends DeliveryCounters {
  /** Frames taken from clients. */
  taken: number;
  /** Given on to the next agent. */
  passedOn: number;
  /** To where nobody listens. */
  nowhere: number;
  /** Came with no hops left: they went round, or too far. */
  expired: number;
  /** From who is no client, or to where it may not send. */
  refused: number;
}

/** The intermediate's side: a table of addresses behind links. */
export interface Forwarder extends Intake {
  readonly counters: ForwardingCounters;
  readonly clients: number;
  readonly subscriptions: number;
  readonly queuedBytes: number;
  linkUp(link: Link): void;
  linkEnded(link: Link): void;
  stop(): void;
}

export function createForwarder(host: PatternHost, limits: ForwardingLimits, upstream: Upstream | undefined): Forwarder {
  const { clock } = host.runtime;
  const clients = new Map<Link, Client>();
  const shares = new Map<string, AgentShare>();
  const seats = createSeats();
  const queues: Queues = { used: 0, most: limits.queueTotalBytes, mostForOne: limits.queueBytes };
  const counters: ForwardingCounters = { taken: 0, delivered: 0, passedOn: 0, nowhere: 0, expired: 0, dropped: 0, refused: 0 };
  /** Where the frame before went. */
  let recent: { readonly text: string; place: Place | undefined } = { text: "", place: undefined };
  /** Filled and emptied within one call. */
  const chosen: Seat[] = [];

  const leave = (client: Client, seat: Seat): void => {
    client.seats.delete(seat.id);
    client.forget(seat);
    seats.remove(seat);
    upstream?.settle(seat.bench);
  };

  const remove = (client: Client): void => {
    const { link } = client;
    clients.delete(link);
    const share = shares.get(link.peer.id);
    if (share !== undefined && --share.links === 0) shares.delete(link.peer.id);
    for (const seat of [...client.seats.values()]) leave(client, seat);
    client.end();
  };

  const mayJoin = (link: Link): boolean => host.admission.permits(link, `forward:${link.peer.id}`);

  /** Policy and rule are asked again when the peer has shown another token. False: it is no client any more. */
  const judge = (client: Client): boolean => {
    const { link } = client;
    const { peer } = link;
    if (client.judged === peer) return true;
    client.judged = peer;
    if (!mayJoin(link)) {
      remove(client);
      tellStopped(client);
      return false;
    }
    for (const seat of client.seats.values()) if (!mayListen(peer, seat.bench.at)) leave(client, seat);
    return true;
  };

  const clientOf = (link: Link): Client => {
    const client = clients.get(link);
    if (client === undefined || !judge(client)) throw new TightbeamError("forbidden", "Join before anything else.");
    return client;
  };

  const deliver = (bench: Bench | undefined, from: Link | undefined): void => {
    if (bench !== undefined && bench.seats.length > 0) choose(bench, from, chosen);
  };

  /** To all that were chosen. `keep`: the message is needed afterwards. */
  const handOver = (message: Uint8Array, hops: number, keep: boolean): number => {
    const count = chosen.length;
    const frameBytes = message.length - bodyAt(message);
    for (let index = 0; index < count; index++) {
      const seat = chosen[index] as Seat;
      const client = clients.get(seat.link);
      if (client === undefined || !judge(client)) continue;
      if (client.seats.get(seat.id) === seat) client.deliver(seat, message, frameBytes, hops, !keep && index === count - 1);
    }
    chosen.length = 0;
    return count;
  };

  /** Of a frame: without a group each subscription gets one, and each group. One agent does not have its frames multiplied. */
  const copiesWith = (id: string, at: string, group: string | undefined): number => {
    const place = seats.at(at);
    if (place === undefined || (group !== undefined && place.groups.has(group))) return 1;
    return 1 + (group === undefined ? place.plain.seats.filter(({ link }) => link.peer.id === id).length : place.groups.size);
  };

  /** False: it has had as many copies made as it may, for now. A frame to where thousands listen costs what thousands of frames do. */
  const mayCopy = (id: string): boolean => {
    const share = shares.get(id);
    if (share === undefined || chosen.length < 2) return true;
    const now = clock.monotonic();
    share.copies = Math.min(limits.copiesPerSecond, share.copies + ((now - share.copiesAt) * limits.copiesPerSecond) / 1_000);
    share.copiesAt = now;
    if (share.copies <= 0) return false;
    share.copies -= chosen.length;
    return true;
  };

  const placeOf = (text: string): Place | undefined => {
    if (recent.text !== text || recent.place === undefined || recent.place.gone) recent = { text, place: seats.at(text) };
    return recent.place;
  };

  return {
    counters,
    get clients() {
      return clients.size;
    },
    get subscriptions() {
      return seats.size;
    },
    get queuedBytes() {
      return queues.used;
    },
    join(link, value) {
      readJoin(value);
      const { id } = link.peer;
      if (!mayJoin(link)) throw new TightbeamError("forbidden", `${host.identity.id} forwards nothing for ${id}.`);
      if (!clients.has(link)) {
        const share = shares.get(id) ?? { links: 0, queued: 0, copies: limits.copiesPerSecond, copiesAt: clock.monotonic() };
        if (clients.size >= limits.clients || share.links >= limits.clientsPerAgent) throw full("clients");
        shares.set(id, share);
        share.links++;
        clients.set(link, createClient(link, queues, share, counters));
      }
      return joined(limits.hops);
    },
    async subscribe(link, value) {
      const { id, at, group, hops } = readListening(value);
      const client = clientOf(link);
      if (!mayListen(link.peer, at)) throw new TightbeamError("forbidden", `${link.peer.id} may not listen at ${at}: its token says no \`forward:\` for it.`);
      if (client.seats.has(id)) throw new TightbeamError("invalid_input", "This number is a subscription's already.");
      // Who says that it forwards gets no more for itself.
      const most = hops === undefined || isOwn(link.peer, at) ? limits.subscriptionsPerClient : limits.subscriptions;
      if (seats.size >= limits.subscriptions || client.seats.size >= most) throw full("subscriptions");
      if (copiesWith(link.peer.id, at, group) > limits.clientsPerAgent) throw full("subscriptions at one address");
      const seat = seats.add(at, group, { link, id, outlet: client.outlet, relays: hops !== undefined });
      client.seats.set(id, seat);
      try {
        await upstream?.want(seat, Math.min(hops ?? hopsMax, limits.hops) - 1);
      } catch (error) {
        if (client.seats.get(id) === seat) leave(client, seat);
        throw error;
      }
      return undefined;
    },
    unsubscribe(link, value) {
      const client = clientOf(link);
      const seat = client.seats.get(readLeaving(value));
      if (seat !== undefined) leave(client, seat);
      return undefined;
    },
    take(link, message) {
      const client = clients.get(link);
      const to = addressOf(message, recent.text);
      if (client === undefined || !judge(client) || to === undefined || !mayReach(link.peer, to)) {
        counters.refused++;
        return false;
      }
      counters.taken++;
      const left = Math.min(hopsOf(message), limits.hops) - 1;
      if (left < 0) {
        counters.expired++;
        return true;
      }
      const place = placeOf(to);
      if (place !== undefined) {
        const from = isForwarded(message) ? link : undefined;
        deliver(place.plain, from);
        for (const bench of place.groups.values()) deliver(bench, from);
      }
      if (!mayCopy(link.peer.id)) {
        chosen.length = 0;
        counters.dropped++;
        return true;
      }
      const isWide = to.startsWith(presence);
      const up = upstream !== undefined && upstream.peer !== link.peer.id && (isWide || chosen.length === 0) ? upstream : undefined;
      if (up === undefined && chosen.length === 0) counters.nowhere++;
      handOver(message, left, up !== undefined);
      if (up === undefined) return true;
      if (left === 0) counters.expired++;
      else if (up.pass(owned(message), left)) counters.passedOn++;
      else counters.dropped++;
      return true;
    },
    arrived(link, { at, group }, message) {
      const left = hopsOf(message) - 1;
      if (left < 0) {
        counters.expired++;
        return;
      }
      const place = seats.at(at);
      deliver(group === undefined ? place?.plain : place?.groups.get(group), link);
      if (handOver(message, Math.min(left, limits.hops), false) === 0) counters.nowhere++;
    },
    linkUp: (link) => clients.get(link)?.report(),
    linkEnded(link) {
      const client = clients.get(link);
      if (client !== undefined) remove(client);
    },
    stop() {
      for (const client of clients.values()) {
        client.end();
        tellStopped(client);
      }
      clients.clear();
      shares.clear();
    },
  };
}

const full = (what: string): TightbeamError =>
  new TightbeamError("overloaded", `This agent forwards for as many ${what} as it takes.`, { retryAfter: retryAfterMs });

const retryAfterMs = 1_000;
