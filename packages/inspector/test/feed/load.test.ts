import type { ServerResponse } from "node:http";
import type { MessageMoment, MessageStage, TelemetryEvent, TelemetryWishes } from "@tightbeam/core";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { expect, it } from "vitest";
import { createFeed } from "../../src/feed/create-feed.js";
import { createReaders } from "../../src/server/readers.js";
import { type InspectedAgent, localSource } from "../../src/source/local.js";
import { createFakeAgent, linkStatus } from "../fake-agent.js";

const count = 100;
const requestsPerSecond = 2_500;
const seconds = 5;
/** Of those, its start: what is shown finds its share, and code its place. */
const startSeconds = 2;
const name = (number: number): string => `agent-${number % count}`;
const instanceOf = (number: number): string => `${number % count}`.padStart(22, "i");
const peerOf = (number: number) => ({ id: name(number), instance: instanceOf(number), issuer: "https://auth.example", thumbprint: "t".repeat(43) });

type Listening = { readonly listener: (event: TelemetryEvent) => unknown; readonly wishes: TelemetryWishes | undefined };

/** Core asks each listener once for each message, and tells those that want it of its stages. */
function agentAt(number: number) {
  let listening: Listening | undefined;
  const links = [1, 2, 3].flatMap((step) => [number + step, number + count - step]).map((peer) => linkStatus("", { peer: peerOf(peer) }));
  const fake = createFakeAgent(name(number));
  const agent: InspectedAgent = {
    id: fake.id,
    instance: instanceOf(number),
    deadLetters: fake.deadLetters,
    onEnvelope: fake.onEnvelope,
    telemetry: {
      listened: true,
      on(listener, wishes) {
        listening = { listener, wishes };
        return () => undefined;
      },
    },
    // Every link changes from one look to the next.
    status: () => ({
      ...fake.status(),
      instance: instanceOf(number),
      links: links.map((link, index) => {
        const next = { ...link, roundTrip: link.roundTrip + 0.01, counters: { ...link.counters, messagesSent: link.counters.messagesSent + 8 } };
        links[index] = next;
        return next;
      }),
    }),
  };
  const tell = (base: Omit<MessageMoment, "what" | "at">, at: number, stages: readonly MessageStage[]): void => {
    if (listening === undefined || listening.wishes?.messages?.(base.correlationId ?? base.id, undefined) === false) return;
    for (const what of stages) listening.listener({ ...base, at, what, ...(what === "answered" || what === "processed" ? { duration: 3 } : {}) });
  };
  return { agent, tell };
}

/** CPU seconds of this process for each second of the network's life. */
async function run(inspected: boolean) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const agents = Array.from({ length: count }, (_, number) => agentAt(number));
  const told = { bytes: 0, writes: 0 };
  const response = {
    once: () => response,
    write(text: string) {
      told.bytes += text.length;
      told.writes += 1;
    },
    writableLength: 0,
  };
  const feed = inspected
    ? createFeed({ sources: agents.map(({ agent }) => localSource(agent, { actions: false, reveal: undefined, runtime })), runtime, actions: false })
    : undefined;
  if (feed !== undefined) createReaders(feed, runtime).add(response as unknown as ServerResponse);
  let number = 0;
  let cpu = process.cpuUsage();
  for (let tick = 0; tick < seconds * 100; tick += 1) {
    if (tick === startSeconds * 100) cpu = process.cpuUsage();
    const at = runtime.clock.wall();
    for (let each = 0; each < requestsPerSecond / 100; each += 1, number += 1) {
      const [from, to] = [number % count, (number + 1 + (number % 3)) % count];
      const chance = (Math.imul(number, 0x9e37) & 0xffff).toString(16).padStart(4, "0");
      const id = `01900000-0000-7000-8000-${number.toString(16).padStart(8, "0")}${chance}`;
      const reply = `01900000-0000-7000-9000-${number.toString(16).padStart(8, "0")}${chance}`;
      const request = { kind: "message", id, type: "request", name: "find", priority: "normal", bytes: 300 } as const;
      const answer = { kind: "message", id: reply, correlationId: id, type: "response", name: "find", priority: "normal", bytes: 300 } as const;
      agents[from]?.tell({ ...request, direction: "sent", peer: peerOf(to) }, at, ["queued", "sealed", "sent", "acknowledged", "answered"]);
      agents[to]?.tell({ ...request, direction: "received", peer: peerOf(from) }, at, ["delivered", "processed"]);
      agents[to]?.tell({ ...answer, direction: "sent", peer: peerOf(from) }, at, ["queued", "sealed", "sent", "acknowledged"]);
      agents[from]?.tell({ ...answer, direction: "received", peer: peerOf(to) }, at, ["delivered"]);
    }
    runtime.advanceSync(10);
  }
  const { user, system } = process.cpuUsage(cpu);
  const whole = feed?.whole();
  feed?.close();
  return { cpu: (user + system) / 1_000_000 / (seconds - startSeconds), told, whole };
}

it("costs less than a quarter of a core with 100 agents and 5,000 messages a second", async ({ task }) => {
  const without = await run(false);
  const { cpu, told, whole } = await run(true);
  const cost = cpu - without.cpu;
  (task.meta as { measured?: string }).measured = `${(cost * 100).toFixed(1)} % of a core, ${Math.round(told.bytes / seconds / 1_024)} KiB a second to a page`;
  expect(cost).toBeLessThan(0.25);
  // A batch each 200 ms, and a sign of life each 2 s.
  expect(told.writes / seconds).toBeLessThan(7);
  expect(told.bytes / seconds).toBeLessThan(2_000_000);
  expect(whole?.agents.length).toBe(count);
  expect(whole?.links.length).toBe(count * 6);
  expect(whole?.messages.length).toBeLessThanOrEqual(1_000);
});
