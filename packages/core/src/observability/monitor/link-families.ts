import type { AgentStatus } from "../../agent-types.js";
import type { LinkStatus } from "../../link/link-types.js";
import type { MetricFamily, MetricSample } from "./exposition.js";
import type { ObservedAgent } from "./observed.js";
import { rowsByPeer, sumOf } from "./peers.js";

export function linksByState({ links }: Pick<AgentStatus, "links">): Readonly<Record<"up" | "suspect" | "down", number>> {
  const counts = { up: 0, suspect: 0, down: 0 };
  for (const { state } of links) if (state !== "ended") counts[state] += 1;
  return counts;
}

const priorities = ["critical", "high", "normal", "low"] as const;

/** Of each: its name, what it is, and what of a link is added up over a peer's instances. */
const sums: readonly (readonly [name: string, help: string, of: (link: LinkStatus) => number])[] = [
  ["queue_bytes", "Bytes that wait to be sent.", ({ counters }) => counters.queuedBytes],
  ["in_flight_messages", "Messages that were sent and are not acknowledged yet.", ({ inFlight }) => inFlight.messages],
  ["in_flight_bytes", "Their bytes.", ({ inFlight }) => inFlight.bytes],
  ["congestion_window_bytes", "How many of these there may be.", ({ inFlight }) => inFlight.limit],
  ["credit_messages", "Requests, notifications and events that the peer takes beyond those that were sent.", ({ credit }) => credit.messages],
  ["credit_bytes", "Bytes of these.", ({ credit }) => credit.bytes],
  ["held_bytes", "Received out of order, or in parts.", ({ counters }) => counters.heldBytes],
];

export function linkFamilies(all: readonly ObservedAgent[]): readonly MetricFamily[] {
  const rows = all.flatMap(({ name, status }) => rowsByPeer(name, status.links, ({ peer }) => peer.id));
  const gauge = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => ({
    name: `tightbeam_link_${name}`,
    type: "gauge",
    help,
    samples,
  });
  const longest = rows.map(({ labels, all: links }) => ({ labels, value: Math.max(...links.map(({ roundTrip }) => roundTrip)) / 1_000 }));
  const waiting = rows.flatMap(({ labels, all: links }) =>
    priorities.map((priority) => ({ labels: { ...labels, priority }, value: sumOf<LinkStatus>(({ queue }) => queue[priority])(links) })),
  );
  return [
    gauge("round_trip_seconds", "Smoothed; the longest where a peer has several instances.", longest),
    gauge("queue_messages", "Messages that wait to be sent, by priority.", waiting),
    ...sums.map(([name, help, of]) => {
      const samples = rows.map(({ labels, all: links }) => ({ labels, value: sumOf(of)(links) }));
      return gauge(name, help, samples);
    }),
  ];
}
