import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { MemoryShare } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import type { PatternHost } from "../host.js";
import { createQueueAccount, type QueueAccount } from "./account.js";
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
  const accounts = new WeakMap<MemoryShare, QueueAccount>();
  /** By peer agent. */
  const subscriptions = new Map<string, number>();
  let inAll = 0;
  let edition = 1;
  let stopped = false;

  const tell = (link: Link, { pattern }: Held, gone: boolean): void => {
    const { id: peer, instance } = link.peer;
    report({ type: "subscriber", pattern: pattern.text, peer, instance, gone });
  };

  const accountOf = ({ budget }: Link): QueueAccount => {
    const account = accounts.get(budget) ?? createQueueAccount(budget);
    accounts.set(budget, account);
    return account;
  };

  /** So many more subscriptions of this subscriber, or fewer. */
  const change = (outlet: Outlet, by: number): void => {
    const { id } = outlet.link.peer;
    const left = (subscriptions.get(id) ?? 0) + by;
    if (left === 0) subscriptions.delete(id);
    else subscriptions.set(id, left);
    inAll += by;
    outlet.changed = ++edition;
  };

  const drop = (outlet: Outlet): void => {
    const held = [...outlet.subscriptions.values()];
    outlet.end();
    change(outlet, -held.length);
    for (const each of held) tell(outlet.link, each, true);
    onRoom();
  };

  const outletHost = {
    taps: host.taps,
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
    const isFull = (subscriptions.get(link.peer.id) ?? 0) >= limits.topicSubscriptionsPerPeer || inAll >= limits.topicSubscriptionsInAll;
    if (isFull || (outlet?.subscriptions.size ?? 0) >= limits.topicSubscriptions) throw new TightbeamError("overloaded", tooMany);
    if (outlet === undefined) {
      outlet = new Outlet(link, accountOf(link), outletHost);
      outlets.set(link, outlet);
    }
    const held: Held = { id, pattern, after: lastId() };
    outlet.subscriptions.set(id, held);
    change(outlet, 1);
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
    change(outlet, -1);
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

  const renew = (): void => {
    for (const outlet of outlets.values()) {
      if (outlet.peer === outlet.link.peer) continue;
      outlet.peer = outlet.link.peer;
      outlet.changed = ++edition;
    }
  };

  const isFor = (outlet: Outlet, topic: string): boolean => {
    for (const { pattern } of outlet.subscriptions.values()) if (pattern.matches(topic)) return host.admission.permits(outlet.link, `subscribe:${topic}`);
    return false;
  };

  return {
    aim(topic) {
      if (topic.edition === edition && !renewed(topic.targets)) return;
      renew();
      const { edition: since, name } = topic;
      const before = new Set(topic.targets);
      topic.edition = edition;
      // Patterns are matched again for those alone whose own changed: one that changes for ever does not make each event dear.
      topic.targets = [...outlets.values()].filter((outlet) => (outlet.changed > since ? isFor(outlet, name) : before.has(outlet)));
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

const tooMany = `One instance has at most ${limits.topicSubscriptions} subscriptions here, one agent ${limits.topicSubscriptionsPerPeer}.`;

const answer = ({ after }: Held): object => (after === undefined ? {} : { after });
