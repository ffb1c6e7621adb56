import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { PatternHost } from "../host.js";
import { type Feed, Inlet } from "./inlet.js";
import type { Listener } from "./listener.js";
import { names } from "./names.js";
import { createReadiness, type Readiness } from "./readiness.js";
import { createSought } from "./sought.js";
import type { TopicEventReport } from "./types.js";
import { refuseUnasked } from "./unasked.js";
import { readAnswer, readId } from "./wire.js";

/** The subscribing side: asks publishers, link by link, and takes what they send. */
export interface Subscriber {
  add(listener: Listener): Readiness;
  /** Resolves when those that knew of it know that it ended. */
  remove(listener: Listener): Promise<void>;
  publishersOf(listener: Listener): readonly { readonly id: string; readonly instance: string }[];
  take(link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void;
  /** Asks this peer for what it may not have been asked yet. */
  ask(link: Link): void;
  readonly subscribes: boolean;
  linkEnded(link: Link, error: TightbeamError): void;
  stop(error: TightbeamError): void;
}

export interface SubscriberOptions {
  readonly host: PatternHost;
  readonly report: (event: TopicEventReport) => void;
  /** False: it says of itself that it publishes nothing. */
  readonly mayPublish: (link: Link) => boolean;
}

export function createSubscriber({ host, report, mayPublish }: SubscriberOptions): Subscriber {
  const { system, runtime } = host;
  const listeners = new Map<Listener, Readiness>();
  const inlets = new Map<Link, Inlet>();
  const sought = createSought(host);

  const tell = (link: Link, { options }: Listener, error?: TightbeamError): void => {
    const of = { pattern: options.pattern.text, peer: link.peer.id, instance: link.peer.instance };
    report(error === undefined ? { type: "subscribed", ...of } : { type: "unsubscribed", ...of, error });
  };

  const wants = ({ options: { from } }: Listener, link: Link): boolean => (from === undefined ? mayPublish(link) : from.has(link.peer.id));

  const inletOf = (link: Link): Inlet => {
    const inlet = inlets.get(link) ?? new Inlet(link, host);
    inlets.set(link, inlet);
    return inlet;
  };

  const askFor = (link: Link, listener: Listener): void => {
    if (link.state === "ended" || !wants(listener, link)) return;
    const inlet = inletOf(link);
    const { id, pattern, replay, queue } = listener.options;
    if (inlet.feeds.has(id)) return;
    const feed: Feed = { listener, state: "asking", after: undefined, held: [] };
    inlet.feeds.set(id, feed);
    inlet.changed();
    const request = { id, pattern: pattern.text, credit: inlet.widen(queue), ...(replay > 0 ? { replay } : undefined) };
    system
      .request(link, names.subscribe, request)
      .then(readAnswer)
      .then(
        (after) => {
          if (inlet.feeds.get(id) !== feed) return;
          inlet.opened(feed, after);
          tell(link, listener);
          listeners.get(listener)?.answered(publishersOf(listener).length);
        },
        (error: unknown) => failed(inlet, feed, isTightbeamError(error) ? error : new TightbeamError("internal", "Asking failed.", { cause: error })),
      );
  };

  const failed = (inlet: Inlet, feed: Feed, error: TightbeamError): void => {
    const { listener } = feed;
    const { link } = inlet;
    if (inlet.feeds.get(listener.options.id) !== feed || link.state === "ended") return;
    if (error.retryable) {
      inlet.drop(feed);
      const again = (): void => (listener.over ? undefined : askFor(link, listener));
      runtime.timers.after(pauseOf(error), again, { background: true });
      return;
    }
    refuse(inlet, feed, error);
    // An agent of an earlier release knows nothing of topics.
    if (error.code !== "no_handler") tell(link, listener, error);
  };

  /** It is not asked again on this link. */
  const refuse = (inlet: Inlet, feed: Feed, error: TightbeamError): void => {
    const { listener } = feed;
    inlet.drop(feed);
    inlet.feeds.set(listener.options.id, { listener, state: "refused", after: undefined, held: [] });
    const { from } = listener.options;
    const named = from === undefined ? [] : [...from];
    const refusing = named.filter((id) => host.links.list(id).some((link) => inlets.get(link)?.feeds.get(listener.options.id)?.state === "refused"));
    if (from !== undefined) listeners.get(listener)?.refused(named.length - refusing.length, error);
    // Others may still come; who waits for them in vain is told of this one.
    else if (error.code !== "no_handler") listeners.get(listener)?.refused(Number.POSITIVE_INFINITY, error);
  };

  const publishersOf = ({ options: { id } }: Listener): { id: string; instance: string }[] =>
    [...inlets.values()].filter(({ feeds }) => feeds.get(id)?.state === "on").map(({ link: { peer } }) => ({ id: peer.id, instance: peer.instance }));

  system.handle(names.ended, (link, value) => {
    const inlet = inlets.get(link);
    const feed = inlet?.feeds.get(readId(value));
    if (inlet === undefined || feed === undefined || feed.state === "refused") return;
    const error = new TightbeamError("overloaded", `${link.peer.id} ended the subscription: this agent took its events too slowly.`);
    refuse(inlet, feed, error);
    tell(link, feed.listener, error);
  });

  return {
    add(listener) {
      const readiness = createReadiness(runtime);
      listeners.set(listener, readiness);
      for (const link of host.links.list()) askFor(link, listener);
      for (const id of listener.options.from ?? []) sought.add(id);
      return readiness;
    },
    async remove(listener) {
      const readiness = listeners.get(listener);
      if (readiness === undefined) return;
      listeners.delete(listener);
      const reason = new TightbeamError("cancelled", "The subscription was ended.");
      listener.end(reason);
      readiness.end(reason);
      for (const id of listener.options.from ?? []) sought.remove(id);
      const { id } = listener.options;
      const told: Promise<unknown>[] = [];
      for (const inlet of inlets.values()) {
        const feed = inlet.feeds.get(id);
        if (feed === undefined) continue;
        inlet.drop(feed);
        if (feed.state !== "refused" && inlet.link.state !== "ended") told.push(system.request(inlet.link, names.unsubscribe, { id }).catch(() => undefined));
      }
      await Promise.all(told);
    },
    publishersOf,
    take(link, delivery, header, payload) {
      const inlet = inlets.get(link);
      if (inlet !== undefined) return inlet.receive(delivery, header, payload);
      refuseUnasked(host, link, delivery);
    },
    ask(link) {
      for (const listener of listeners.keys()) askFor(link, listener);
    },
    get subscribes() {
      return listeners.size > 0;
    },
    linkEnded(link, error) {
      const inlet = inlets.get(link);
      inlets.delete(link);
      for (const feed of [...(inlet?.feeds.values() ?? [])]) {
        inlet?.drop(feed);
        if (feed.state !== "on") continue;
        listeners.get(feed.listener)?.answered(publishersOf(feed.listener).length);
        tell(link, feed.listener, error);
      }
      sought.linkEnded(link);
    },
    stop(error) {
      for (const [listener, readiness] of listeners) {
        listener.end(error);
        readiness.end(error);
      }
      listeners.clear();
      sought.stop();
    },
  };
}

/** A timer holds the link it is for: what a publisher says of its length counts within bounds. */
const pauseOf = ({ retryAfter = limits.topicAskAgainMs }: TightbeamError): number =>
  Math.min(Math.max(retryAfter, limits.topicAskAgainMinMs), limits.topicDialMaxMs);
