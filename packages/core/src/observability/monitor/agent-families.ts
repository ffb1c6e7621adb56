import type { AgentStatus } from "../../agent-types.js";
import { durableFamilies } from "./durable-families.js";
import type { MetricFamily, MetricSample } from "./exposition.js";
import { linkFamilies, linksByState } from "./link-families.js";
import type { ObservedLetters } from "./observed.js";

type Values = Readonly<Record<string, number>>;

/** What agents say of themselves, as metrics: seconds and bytes. */
export function agentFamilies(all: readonly ObservedLetters[]): readonly MetricFamily[] {
  const each = (value: (status: AgentStatus) => number): readonly MetricSample[] =>
    all.map(({ name, status }) => ({ labels: { agent: name }, value: value(status) }));
  const by = (label: string, values: (status: AgentStatus) => Values): readonly MetricSample[] =>
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
    ...durableFamilies(all),
  ];
}

const callsByState = ({ calls }: AgentStatus): Values => ({ waiting: calls.waiting, running: calls.running, queued: calls.queued });
