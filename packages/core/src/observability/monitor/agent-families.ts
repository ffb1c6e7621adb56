import type { AgentStatus } from "../../agent-types.js";
import { durableFamilies } from "./durable-families.js";
import type { MetricFamily, MetricSample } from "./exposition.js";
import { linkFamilies, linksByState } from "./link-families.js";
import type { ObservedAgent, ObservedLetters } from "./observed.js";

/** One of each agent: its name, what it is, and where it stands. */
type Figure = readonly [name: string, help: string, of: (status: AgentStatus) => number];
/** Several of each agent, by a label. */
type Split = readonly [name: string, label: string, help: string, of: (status: AgentStatus) => Readonly<Record<string, number>>];

const gauges: readonly Figure[] = [
  ["transport_up", "1 while the agent's transport is up.", ({ transport }) => Number(transport === "up")],
  ["ready", "1 while the agent takes work: its transport is up, and it does not close.", ({ ready }) => Number(ready)],
  ["memory_used_bytes", "What queues, windows and reassembly hold.", ({ memory }) => memory.used],
  ["memory_limit_bytes", "What they may hold.", ({ memory }) => memory.most],
];

const counters: readonly Figure[] = [
  ["late_replies_total", "Answers that nothing waited for any more.", ({ calls }) => calls.late],
  ["handshakes_started_total", "Handshakes begun.", ({ handshakes }) => handshakes.started],
  ["handshakes_established_total", "Handshakes that gave keys.", ({ handshakes }) => handshakes.established],
  ["handshakes_failed_total", "Handshakes that did not.", ({ handshakes }) => handshakes.failed],
  ["handshake_retries_sent_total", "Times a dialler was asked to prove its address first.", ({ handshakes }) => handshakes.retrySent],
];

const splitGauges: readonly Split[] = [
  ["links", "state", "Links, by state.", linksByState],
  [
    "calls",
    "state",
    "Requests that wait for an answer, handlers that run, what waits for its turn.",
    ({ calls: { waiting, running, queued } }) => ({ waiting, running, queued }),
  ],
  ["streams", "role", "Streams that go on.", ({ streams: { opened, served } }) => ({ opened, served })],
];

const splitCounters: readonly Split[] = [
  ["handshakes_refused_total", "reason", "Frames that were dropped, by reason.", ({ handshakes }) => handshakes.refused],
];

/** What agents say of themselves, as metrics: seconds and bytes. */
export function agentFamilies(all: readonly ObservedLetters[]): readonly MetricFamily[] {
  const single =
    (type: "gauge" | "counter") =>
    ([name, help, of]: Figure): MetricFamily => {
      const samples = all.map((agent) => ({ labels: { agent: agent.name }, value: of(agent.status) }));
      return { name: `tightbeam_${name}`, type, help, samples };
    };
  const split =
    (type: "gauge" | "counter") =>
    ([name, label, help, of]: Split): MetricFamily => {
      const samples = all.flatMap((agent) => Object.entries(of(agent.status)).map(([key, value]) => ({ labels: { agent: agent.name, [label]: key }, value })));
      return { name: `tightbeam_${name}`, type, help, samples };
    };
  return [
    ...gauges.map(single("gauge")),
    ...splitGauges.map(split("gauge")),
    ...counters.map(single("counter")),
    ...splitCounters.map(split("counter")),
    {
      name: "tightbeam_breaker_open",
      type: "gauge",
      help: "1 for each breaker of the agent's own policy that lets not everything through.",
      samples: all.flatMap(breakersOf),
    },
    ...linkFamilies(all),
    ...durableFamilies(all),
  ];
}

const breakersOf = ({ name, status }: ObservedAgent): readonly MetricSample[] =>
  status.breakers.map(({ peer, method, state }) => ({ labels: { agent: name, peer, method, state }, value: 1 }));
