import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { PatternHost } from "../host.js";
import { names } from "./names.js";
import { type Held, Outlet } from "./outlet.js";
import type { Published } from "./published.js";
import type { PublishedTopic } from "./published-topic.js";
import type { TopicEventReport } from "./types.js";
import { type Ask, readAsk, readCredit, readId } from "./wire.js";

export interface OutletsOptions {
  readonly host: PatternHost;
  readonly report: (event: TopicEventReport) => void;
  readonly onRoom: () => void;
  /** The id of the last event. */
  readonly lastId: () => string | undefined;
  readonly replay: (outlet: Outlet, ask: Ask) => void;
}

/** Who subscribed here, link by link: what subscribers ask of a publisher. */
export interface Outlets {
  /** Brings the topic's targets up to date. */
  aim(topic: PublishedTopic): void;
  readonly all: Iterable<Outlet>;
  linkEnded(link: Link): void;
  stop(): void;
}

export function createOutlets({ host, report, onRoom, lastId, replay }: OutletsOptions): Outlets {
  const { system, admission } = host;
  const outlets = new Map<Link, Outlet>();
  let edition = 1;
  let stopped = false;

  const tell = (link: Link, { pattern }: Held, gone: boolean): void => {
    const { id: peer, instance } = link.peer;
    report({ type: "subscriber", pattern: pattern.text, peer, instance, gone });
  };

  const drop = (outlet: Outlet): void => {
    const held = [...outlet.subscriptions.values()];
    outlet.end();
    edition++;
    for (const each of held) tell(outlet.link, each, true);
    onRoom();
  };

  const outletHost = {
    timers: host.runtime.timers,
    onRoom,
    onSlow(outlet: Outlet, topic: string) {
      const { slow, queued, dropped, link } = outlet;
      report({ type: "subscriber_slow", topic, peer: link.peer.id, instance: link.peer.instance, slow, queued, dropped });
    },
    disconnect(outlet: Outlet) {
      const ids = [...outlet.subscriptions.keys()];
      drop(outlet);
      for (const id of ids) system.request(outlet.link, names.ended, { id }).catch(() => undefined);
    },
    onTooLarge(outlet: Outlet, { bytes, topic }: Published) {
      const { id, limits: own } = outlet.link.peer;
      const message = `An event of ${topic.name} has ${bytes.length} bytes; ${id} takes at most ${own.maxMessageBytes} and did not get it.`;
      host.onRefused({ peer: id, error: new TightbeamError("too_large", message) });
    },
  };

  system.handle(names.subscribe, (link, value) => {
    const ask = readAsk(value);
    // The link may have ended while this was loaded.
    if (stopped || link.state === "ended") throw new TightbeamError("closed", "This agent is closing.");
    const { id, pattern, credit } = ask;
    let outlet = outlets.get(link);
    const known = outlet?.subscriptions.get(id);
    // Asked again: the answer did not come in time.
    if (known !== undefined) return answer(known);
    if (pattern.exact && !admission.permits(link, `subscribe:${pattern.text}`))
      throw new TightbeamError("forbidden", `${link.peer.id} may not subscribe to this here: its token lacks 'subscribe:${pattern.text}'.`);
    if (outlet === undefined) {
      outlet = new Outlet(link, outletHost);
      outlets.set(link, outlet);
    }
    if (outlet.subscriptions.size >= limits.topicSubscriptions)
      throw new TightbeamError("overloaded", `One instance has at most ${limits.topicSubscriptions} subscriptions here.`);
    const held: Held = { id, pattern, after: lastId() };
    outlet.subscriptions.set(id, held);
    edition++;
    if (ask.replay > 0) replay(outlet, ask);
    outlet.grant(credit);
    tell(link, held, false);
    return answer(held);
  });

  system.handle(names.unsubscribe, (link, value) => {
    const id = readId(value);
    const outlet = outlets.get(link);
    const held = outlet?.subscriptions.get(id);
    if (outlet === undefined || held === undefined) return;
    if (outlet.subscriptions.size === 1) return drop(outlet);
    outlet.subscriptions.delete(id);
    edition++;
    tell(link, held, true);
  });

  system.handle(names.credit, (link, value) => {
    const credit = readCredit(value);
    outlets.get(link)?.grant(credit);
  });

  /** A new session may have brought another token. */
  const renewed = (targets: readonly Outlet[]): boolean => {
    for (const outlet of targets) if (outlet.peer !== outlet.link.peer) return true;
    return false;
  };

  const isFor = (outlet: Outlet, topic: string): boolean => {
    if (outlet.peer !== outlet.link.peer) outlet.peer = outlet.link.peer;
    for (const { pattern } of outlet.subscriptions.values()) if (pattern.matches(topic)) return host.admission.permits(outlet.link, `subscribe:${topic}`);
    return false;
  };

  return {
    aim(topic) {
      if (topic.edition === edition && !renewed(topic.targets)) return;
      // Others were permitted something else, too.
      if (topic.edition === edition) edition++;
      topic.edition = edition;
      topic.targets = [...outlets.values()].filter((outlet) => isFor(outlet, topic.name));
    },
    get all() {
      return outlets.values();
    },
    linkEnded(link) {
      const outlet = outlets.get(link);
      if (outlet === undefined) return;
      outlets.delete(link);
      drop(outlet);
    },
    stop() {
      stopped = true;
    },
  };
}

const answer = ({ after }: Held): object => (after === undefined ? {} : { after });
