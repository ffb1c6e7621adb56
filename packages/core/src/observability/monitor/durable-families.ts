import type { DeadLetterStatistics } from "../../patterns/dead-letters/types.js";
import type { DurablePeer, DurableStatus } from "../../patterns/durable/types.js";
import type { MetricFamily, MetricSample } from "./exposition.js";
import type { ObservedLetters } from "./observed.js";
import { rowsByPeer, sumOf } from "./peers.js";

/** What lies in agents' stores: durable messages, dead letters, and whether the store does what it should. */
export function durableFamilies(all: readonly ObservedLetters[]): readonly MetricFamily[] {
  const waiting = all.flatMap(({ name, durable }) => rowsByPeer(name, durable?.peers ?? [], ({ peer }) => peer));
  const backlog = (name: string, help: string, value: (peers: readonly DurablePeer[]) => number): MetricFamily => ({
    name: `tightbeam_durable_${name}`,
    type: "gauge",
    help,
    samples: waiting.map(({ labels, all: peers }) => ({ labels, value: value(peers) })),
  });
  const ofStore = (name: string, help: string, value: (durable: DurableStatus) => number): MetricFamily => ({
    name: `tightbeam_${name}`,
    type: "gauge",
    help,
    samples: all.flatMap(({ name: agent, durable }) => (durable?.store === undefined ? [] : [{ labels: { agent }, value: value(durable) }])),
  });
  const ofLetters = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    samples: (letters: DeadLetterStatistics) => readonly MetricSample[],
  ): MetricFamily => ({
    name: `tightbeam_dead_letters${name}`,
    type,
    help,
    samples: all.flatMap(({ name: agent, letters }) =>
      letters === undefined ? [] : samples(letters).map(({ labels, value }) => ({ labels: { agent, ...labels }, value })),
    ),
  });
  const one = (value: number): readonly MetricSample[] => [{ labels: {}, value }];
  return [
    backlog(
      "backlog_messages",
      "Durable messages that are kept here and not handled there.",
      sumOf(({ queued }) => queued),
    ),
    backlog(
      "backlog_bytes",
      "Their bytes.",
      sumOf(({ bytes }) => bytes),
    ),
    backlog(
      "in_flight_messages",
      "Those that have been sent.",
      sumOf(({ inFlight }) => inFlight),
    ),
    backlog("blocked", "1 while nothing is sent to the peer, for one reason or another.", (peers) =>
      Number(peers.some(({ blocked }) => blocked !== undefined)),
    ),
    ofStore("durable_receiving_messages", "Durable messages here whose handlers run, wait or are about to be written.", ({ receiving }) => receiving),
    ofStore("store_failed", "1 when the store has failed and nothing durable is taken any more.", ({ failed }) => Number(failed !== undefined)),
    ofStore("store_damaged_entries", "Entries of the store that could not be read.", ({ damaged }) => damaged.length),
    ofLetters("", "gauge", "Messages that will not be tried again, by reason.", ({ reasons }) =>
      Object.entries(reasons).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    ofLetters("_bytes", "gauge", "Their bytes.", ({ bytes }) => one(bytes)),
    ofLetters("_added_total", "counter", "Letters kept since the agent began.", ({ added }) => one(added)),
    ofLetters("_replayed_total", "counter", "Letters replayed.", ({ replayed }) => one(replayed)),
    ofLetters("_discarded_total", "counter", "Letters discarded by hand.", ({ discarded }) => one(discarded)),
    ofLetters("_dropped_total", "counter", "Letters dropped by retention.", ({ dropped }) => one(dropped)),
    ofLetters("_not_kept_total", "counter", "Messages that could not be kept.", ({ notKept }) => one(notKept)),
  ];
}
