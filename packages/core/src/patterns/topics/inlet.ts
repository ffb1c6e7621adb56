import { decodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import * as protocol from "../../protocol.js";
import type { PatternHost } from "../host.js";
import { type Arrival, settle } from "./arrival.js";
import type { Listener } from "./listener.js";
import { names } from "./names.js";

/** One subscription, as the publisher at the other end of a link has it. */
export interface Feed {
  readonly listener: Listener;
  state: "asking" | "on" | "refused";
  /** The last event before the publisher's answer. */
  after: string | undefined;
  /** With `replay`: what came before the answer said which events are new. */
  held: { readonly arrival: Arrival; readonly value: unknown }[];
}

/** The receiving end of a publisher's events: what it may send, and which handlers get it. */
export class Inlet {
  readonly link: Link;
  readonly feeds = new Map<string, Feed>();
  readonly #host: PatternHost;
  /** Absolute totals since the link began. */
  #granted = 0;
  #taken = 0;
  #consumed = 0;
  #window = 0;
  #asked = false;
  /** Whose permissions `#permitted` knows. */
  #peer: Link["peer"];
  readonly #permitted = new Map<string, boolean>();
  readonly #routes = new Map<string, readonly Feed[]>();

  constructor(link: Link, host: PatternHost) {
    this.link = link;
    this.#host = host;
    this.#peer = link.peer;
  }

  /** So much may be on its way from here on. Returns the total to tell the publisher. */
  widen(window: number): number {
    this.#window = Math.max(this.#window, window);
    this.#granted = Math.max(this.#granted, this.#consumed + this.#window);
    return this.#granted;
  }

  /** Subscriptions came or went. */
  changed(): void {
    this.#routes.clear();
  }

  receive(delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void {
    const cost = delivery.size + protocol.eventCost;
    if (this.#taken >= this.#granted) return this.#refuse(delivery, new TightbeamError("flow", "An event came beyond what its publisher was granted."));
    this.#taken += cost;
    const topic = header.topic as string;
    const error = this.#refusal(delivery, topic);
    if (error !== undefined) {
      this.#refuse(delivery, error);
      return this.#consume(cost);
    }
    const arrival: Arrival = { link: this.link, header, topic, lane: delivery.lane, cost, pending: 1, done: () => this.#done(delivery, arrival) };
    const { correlationId } = header;
    let fault: unknown;
    const feeds = correlationId === undefined ? this.#route(topic) : this.#replayed(correlationId, topic);
    // Each handler has the event to itself.
    const shared = feeds.length > 1 && payload?.kind === "bytes";
    for (const feed of feeds) {
      try {
        const own = shared ? { ...payload, bytes: payload.bytes.slice() } : payload;
        this.#give(feed, arrival, decodePayload(own, this.#host.json), correlationId !== undefined);
      } catch (thrown) {
        fault = thrown;
      }
    }
    if (fault === undefined) delivery.settle("ok");
    else this.#refuse(delivery, isTightbeamError(fault) ? fault : new TightbeamError("internal", "An event could not be taken.", { cause: fault }));
    settle(arrival);
  }

  /** The publisher has answered. */
  opened(feed: Feed, after: string | undefined): void {
    feed.state = "on";
    feed.after = after;
    for (const { arrival, value } of this.#unhold(feed)) {
      if (after === undefined || arrival.header.id > after) feed.listener.take(arrival, value, false);
      settle(arrival);
    }
  }

  drop(feed: Feed): void {
    this.feeds.delete(feed.listener.options.id);
    this.changed();
    for (const { arrival } of this.#unhold(feed)) settle(arrival);
  }

  #unhold(feed: Feed): Feed["held"] {
    const { held } = feed;
    feed.held = [];
    for (const { arrival } of held) this.link.budget.give(arrival.cost);
    return held;
  }

  #give(feed: Feed, arrival: Arrival, value: unknown, replayed: boolean): void {
    const { listener, state, after } = feed;
    if (!replayed && listener.options.replay > 0) {
      if (state === "asking") {
        if (!this.link.budget.take(arrival.cost)) throw new TightbeamError("overloaded", "This agent has no memory left to hold an event.");
        arrival.pending++;
        feed.held.push({ arrival, value });
        return;
      }
      // Another subscription's: this one has had it, or did not ask for so many.
      if (after !== undefined && arrival.header.id <= after) return;
    }
    listener.take(arrival, value, replayed);
  }

  #route(topic: string): readonly Feed[] {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const found = [...this.feeds.values()].filter(({ listener, state }) => state !== "refused" && listener.options.pattern.matches(topic));
    if (this.#routes.size >= limits.answersKept) this.#routes.clear();
    this.#routes.set(topic, found);
    return found;
  }

  #replayed(id: string, topic: string): readonly Feed[] {
    const feed = this.feeds.get(id);
    return feed !== undefined && feed.state !== "refused" && feed.listener.options.replay > 0 && feed.listener.options.pattern.matches(topic) ? [feed] : [];
  }

  #refusal(delivery: Delivery, topic: string): TightbeamError | undefined {
    if (delivery.refused === "too_large") return new TightbeamError("too_large", "An event was larger than this agent takes.");
    if (delivery.refused === "overloaded") return new TightbeamError("overloaded", "This agent has no memory left for an event of this size.");
    if (this.#permits(topic)) return undefined;
    return new TightbeamError("forbidden", `${this.link.peer.id} may not publish '${topic}' here: its token lacks 'publish:${topic}'.`);
  }

  #permits(topic: string): boolean {
    if (this.#peer !== this.link.peer || this.#permitted.size >= limits.answersKept) {
      this.#peer = this.link.peer;
      this.#permitted.clear();
    }
    let permitted = this.#permitted.get(topic);
    if (permitted === undefined) {
      permitted = this.#host.admission.permits(this.link, `publish:${topic}`);
      this.#permitted.set(topic, permitted);
    }
    return permitted;
  }

  #done(delivery: Delivery, { cost, fault }: Arrival): void {
    this.#host.taps.messages?.handled(delivery, fault);
    this.#consume(cost);
  }

  #refuse(delivery: Delivery, error: TightbeamError): void {
    delivery.settle("refused", error);
    this.#host.onRefused({ peer: this.link.peer.id, error });
  }

  #consume(cost: number): void {
    this.#consumed += cost;
    if (this.#consumed + this.#window - this.#granted >= this.#window / 2) this.#grant();
  }

  /** A request: a word that is lost would stop the publisher for ever. */
  #grant(): void {
    if (this.#asked || this.link.state === "ended") return;
    this.#asked = true;
    this.#granted = this.#consumed + this.#window;
    const { system, runtime } = this.#host;
    system.request(this.link, names.credit, { credit: this.#granted }).then(
      () => this.#granting(),
      () => runtime.timers.after(limits.topicAskAgainMs, () => this.#granting(true), { background: true }),
    );
  }

  #granting(again = false): void {
    this.#asked = false;
    if (again) this.#grant();
    else this.#consume(0);
  }
}
