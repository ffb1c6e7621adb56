import type { AgentStatus } from "../../agent-types.js";
import type { LinkStatus } from "../../link/link-types.js";
import type { MetricFamily } from "./exposition.js";
import type { ObservedAgent } from "./observed.js";
import { rowsByPeer, sumOf } from "./peers.js";

export function linksByState({ links }: Pick<AgentStatus, "links">): Readonly<Record<"up" | "suspect" | "down", number>> {
  const counts = { up: 0, suspect: 0, down: 0 };
  for (const { state } of links) if (state !== "ended") counts[state] += 1;
  return counts;
}

export function linkFamilies(all: readonly ObservedAgent[]): readonly MetricFamily[] {
  const rows = all.flatMap(({ name, status }) => rowsByPeer(name, status.links, ({ peer }) => peer.id));
  const family = (name: string, help: string, value: (links: readonly LinkStatus[]) => number): MetricFamily => ({
    name: `tightbeam_link_${name}`,
    type: "gauge",
    help,
    samples: rows.map(({ labels, all: links }) => ({ labels, value: value(links) })),
  });
  return [
    family("round_trip_seconds", "Smoothed; the longest where a peer has several instances.", (links) => {
      return Math.max(...links.map(({ roundTrip }) => roundTrip)) / 1_000;
    }),
    family(
      "queue_messages",
      "Messages that wait to be sent.",
      sumOf(({ counters }) => counters.queuedMessages),
    ),
    family(
      "queue_bytes",
      "Bytes that wait to be sent.",
      sumOf(({ counters }) => counters.queuedBytes),
    ),
    family(
      "in_flight_bytes",
      "Sent, and not acknowledged yet.",
      sumOf(({ counters }) => counters.unacknowledgedBytes),
    ),
    family(
      "congestion_window_bytes",
      "What may be under way.",
      sumOf(({ counters }) => counters.congestionWindow),
    ),
    family(
      "held_bytes",
      "Received out of order, or in parts.",
      sumOf(({ counters }) => counters.heldBytes),
    ),
  ];
}
