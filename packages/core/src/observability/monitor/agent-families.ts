import type { AgentStatus } from "../../agent-types.js";
import type { LinkStatus } from "../../link/link-types.js";
import type { MetricFamily, MetricSample } from "./exposition.js";
import { otherName } from "./route.js";

/** Peers with figures of their own; the links with others are in one. */
const peersMax = 100;

const linkStates = ["up", "suspect", "down"] as const;

/** An agent's state, and what it is called in metrics. */
export interface NamedStatus {
  readonly name: string;
  readonly status: AgentStatus;
}

/** Two agents of one id in a process are told apart as `alice` and `alice#2`, in the order in which they are given. */
export function nameAgents(all: readonly AgentStatus[]): readonly NamedStatus[] {
  const seen = new Map<string, number>();
  return all.map((status) => {
    const count = (seen.get(status.id) ?? 0) + 1;
    seen.set(status.id, count);
    return { name: count === 1 ? status.id : `${status.id}#${count}`, status };
  });
}

/** What agents say of themselves, as metrics: seconds and bytes. */
export function agentFamilies(all: readonly NamedStatus[]): readonly MetricFamily[] {
  const each = (value: (status: AgentStatus) => number): readonly MetricSample[] =>
    all.map(({ name, status }) => ({ labels: { agent: name }, value: value(status) }));
  const by = (label: string, values: (status: AgentStatus) => Readonly<Record<string, number>>): readonly MetricSample[] =>
    all.flatMap(({ name, status }) => Object.entries(values(status)).map(([key, value]) => ({ labels: { agent: name, [label]: key }, value })));
  const gauge = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => ({ name: `tightbeam_${name}`, type: "gauge", help, samples });
  const counter = (name: string, help: string, samples: readonly MetricSample[]): MetricFamily => ({
    name: `tightbeam_${name}_total`,
    type: "counter",
    help,
    samples,
  });
  return [
    gauge(
      "transport_up",
      "1 while the agent's transport is up.",
      each(({ transport }) => Number(transport === "up")),
    ),
    gauge("links", "Links, by state.", by("state", linksByState)),
    ...linkFamilies(all),
    gauge("calls", "Requests that wait for an answer, handlers that run, what waits for its turn.", by("state", callsByState)),
    counter(
      "late_replies",
      "Answers that nothing waited for any more.",
      each(({ calls }) => calls.late),
    ),
    gauge(
      "streams",
      "Streams that go on.",
      by("role", ({ streams }) => ({ opened: streams.opened, served: streams.served })),
    ),
    gauge(
      "memory_used_bytes",
      "What queues, windows and reassembly hold.",
      each(({ memory }) => memory.used),
    ),
    gauge(
      "memory_limit_bytes",
      "What they may hold.",
      each(({ memory }) => memory.most),
    ),
    counter(
      "handshakes_started",
      "Handshakes begun.",
      each(({ handshakes }) => handshakes.started),
    ),
    counter(
      "handshakes_established",
      "Handshakes that gave keys.",
      each(({ handshakes }) => handshakes.established),
    ),
    counter(
      "handshakes_failed",
      "Handshakes that did not.",
      each(({ handshakes }) => handshakes.failed),
    ),
    counter(
      "handshake_retries_sent",
      "Times a dialler was asked to prove its address first.",
      each(({ handshakes }) => handshakes.retrySent),
    ),
    counter(
      "handshakes_refused",
      "Frames that were dropped, by reason.",
      by("reason", ({ handshakes }) => handshakes.refused),
    ),
  ];
}

const callsByState = ({ calls }: AgentStatus): Readonly<Record<string, number>> => ({
  waiting: calls.waiting,
  running: calls.running,
  queued: calls.queued,
});

export function linksByState({ links }: Pick<AgentStatus, "links">): Readonly<Record<(typeof linkStates)[number], number>> {
  const counts = { up: 0, suspect: 0, down: 0 };
  for (const { state } of links) if (state !== "ended") counts[state] += 1;
  return counts;
}

interface PeerRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly links: readonly LinkStatus[];
}

/** Of each peer, all its instances together. */
function linkFamilies(all: readonly NamedStatus[]): readonly MetricFamily[] {
  const rows = all.flatMap(peerRows);
  const family = (name: string, help: string, value: (links: readonly LinkStatus[]) => number): MetricFamily => ({
    name: `tightbeam_link_${name}`,
    type: "gauge",
    help,
    samples: rows.map(({ labels, links }) => ({ labels, value: value(links) })),
  });
  const sum = (of: (link: LinkStatus) => number) => (links: readonly LinkStatus[]) => links.reduce((total, link) => total + of(link), 0);
  return [
    family("round_trip_seconds", "Smoothed; the longest where a peer has several instances.", (links) => {
      return Math.max(...links.map(({ roundTrip }) => roundTrip)) / 1_000;
    }),
    family(
      "queue_messages",
      "Messages that wait to be sent.",
      sum(({ counters }) => counters.queuedMessages),
    ),
    family(
      "queue_bytes",
      "Bytes that wait to be sent.",
      sum(({ counters }) => counters.queuedBytes),
    ),
    family(
      "in_flight_bytes",
      "Sent, and not acknowledged yet.",
      sum(({ counters }) => counters.unacknowledgedBytes),
    ),
    family(
      "congestion_window_bytes",
      "What may be under way.",
      sum(({ counters }) => counters.congestionWindow),
    ),
    family(
      "held_bytes",
      "Received out of order, or in parts.",
      sum(({ counters }) => counters.heldBytes),
    ),
  ];
}

function peerRows({ name, status }: NamedStatus): readonly PeerRow[] {
  const peers = new Map<string, LinkStatus[]>();
  for (const link of status.links) {
    const { id } = link.peer;
    const peer = peers.has(id) || peers.size < peersMax ? id : otherName;
    const links = peers.get(peer);
    if (links === undefined) peers.set(peer, [link]);
    else links.push(link);
  }
  return [...peers].map(([peer, links]) => ({ labels: { agent: name, peer }, links }));
}
