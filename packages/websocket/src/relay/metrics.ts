import type { MetricFamily } from "@tightbeam/core/observability";
import type { RelayCounters, RelayGauges, RelayStats, RelayThroughput } from "./counters.js";

const counters: Readonly<Record<keyof RelayCounters, string>> = {
  connections: "TCP connections.",
  logins: "Sockets whose token counted.",
  renewals: "Logins that were renewed on a living socket.",
  framesIn: "Frames received.",
  framesOut: "Frames handed to sockets.",
  bytesIn: "Bytes of frames received.",
  bytesOut: "Bytes of frames handed to sockets.",
  framesDropped: "Frames dropped because their receiver read too slowly, or their sender had too many copies made.",
  forbidden: "Frames and subscriptions the policy refused.",
  throttled: "Times a socket was read more slowly because it sent too many frames.",
  protocolErrors: "Sockets ended because of what came over them.",
  turnedAway: "Connections refused before the login.",
};

const gauges: Readonly<Record<keyof RelayGauges, string>> = {
  sockets: "Sockets with a login.",
  unauthenticated: "Sockets without one, so far.",
  locals: "Transports of agents in the relay's process.",
  subscriptions: "Subscriptions of all sockets.",
  addresses: "Addresses someone listens at.",
  backlogBytes: "Bytes that wait for sockets that read slowly.",
};

const rates: Readonly<Record<keyof RelayThroughput, string>> = {
  framesIn: "Frames received, a second, over the last ten.",
  framesOut: "Frames handed to sockets, a second, over the last ten.",
  bytesIn: "Bytes of frames received, a second, over the last ten.",
  bytesOut: "Bytes of frames handed to sockets, a second, over the last ten.",
};

const snake = (name: string): string => `tightbeam_relay_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;

/** What a relay counts, as metrics; `memory` is its process's. No id, address or token gets here. */
export function relayFamilies(stats: RelayStats, memory: { readonly rss: number; readonly heapUsed: number }): readonly MetricFamily[] {
  const one = (name: string, type: "counter" | "gauge", help: string, value: number): MetricFamily => ({ name, type, help, samples: [{ labels: {}, value }] });
  const of = <K extends string>(
    helps: Readonly<Record<K, string>>,
    values: Readonly<Record<K, number>>,
    type: "counter" | "gauge",
    ending: string,
  ): readonly MetricFamily[] => (Object.keys(helps) as K[]).map((name) => one(`${snake(name)}${ending}`, type, helps[name], values[name]));
  return [
    ...of(gauges, stats, "gauge", ""),
    ...of(counters, stats, "counter", "_total"),
    ...of(rates, stats.perSecond, "gauge", "_per_second"),
    {
      name: "tightbeam_relay_ended_total",
      type: "counter",
      help: "Refused logins and ended sockets, by reason.",
      samples: Object.entries(stats.ended).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    one("process_resident_memory_bytes", "gauge", "Memory of the process.", memory.rss),
    one("nodejs_heap_size_used_bytes", "gauge", "Of that, what the heap of JavaScript uses.", memory.heapUsed),
  ];
}
