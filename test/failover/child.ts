// An agent, or several, as a process of its own: either answers and keeps a record of what it was asked, or asks at a steady rate and keeps one of what came back.
import { type Agent, createAgent, isTightbeamError, type Priority, stream } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import { connectNats } from "@tightbeam/nats";
import { createCalls } from "../../examples/demo/calls.js";

export interface Seat {
  readonly id: string;
  /** The server it dials first. */
  readonly server: string;
}

/** Numbers in the order in which they came, of one agent in one priority. */
export interface Sequence {
  readonly agent: string;
  readonly priority: Priority;
  readonly numbers: readonly number[];
}

/** What the answering agent saw. */
export interface Heard {
  readonly requests: readonly Sequence[];
  readonly ticks: readonly number[];
  /** What came over the one stream that lasts as long as the errand. */
  readonly steps: readonly number[];
  /** How often its transport was lost. */
  readonly losses: number;
}

export interface Errand {
  readonly total: number;
  /** Requests a second, of all askers together. */
  readonly rate: number;
  /** No more than this is asked at a time: a slow machine gets a lower rate instead of a longer queue. */
  readonly openMax: number;
  /** Every so many requests the first asker notifies. */
  readonly tickEvery: number;
}

/** What the askers got. */
export interface Told {
  readonly replies: readonly Sequence[];
  readonly failures: readonly string[];
  readonly ticks: number;
  /** What came back over the stream, step by step, and how many the other side says it saw. */
  readonly steps: readonly number[];
  readonly walked: number;
  readonly ms: number;
  /** ms: the longest time without any reply. */
  readonly longestPause: number;
  readonly latency: { readonly p50: number; readonly p99: number };
  /** Of each asker's transport. */
  readonly losses: readonly number[];
}

const priorities: readonly Priority[] = ["critical", "high", "normal", "low"];
const timeout = 120_000;

const secret = Buffer.from(process.env.FAILOVER_SECRET ?? "", "base64url");

async function join({ id, server }: Seat): Promise<{ readonly agent: Agent; readonly losses: () => number }> {
  const transport = await connectNats({ servers: server, name: id });
  let losses = 0;
  transport.state.subscribe(({ type }) => {
    if (type === "down") losses += 1;
  });
  const agent = await createAgent({ identity: await identityFromSecret({ id, secret }), trust: trust.everyoneWithSecret(secret), transport });
  return { agent, losses: () => losses };
}

/** Sequences by agent and priority. */
function createRecord() {
  const sequences = new Map<string, { readonly agent: string; readonly priority: Priority; readonly numbers: number[] }>();
  return {
    add(agent: string, priority: Priority, number: number): void {
      const key = `${agent} ${priority}`;
      const sequence = sequences.get(key) ?? { agent, priority, numbers: [] };
      sequence.numbers.push(number);
      sequences.set(key, sequence);
    },
    all: (): Sequence[] => [...sequences.values()],
  };
}

const asked = createRecord();
const ticks: number[] = [];
const steps: number[] = [];
let heardLosses = (): number => 0;
let askers: Awaited<ReturnType<typeof join>>[] = [];
let answered = 0;

createCalls(process, {
  async answer(seat: Seat): Promise<void> {
    const { agent, losses } = await join(seat);
    heardLosses = losses;
    agent.handle("count", (input, { peer, priority }) => {
      const { n } = input as { n: number };
      asked.add(peer.id, priority, n);
      return { n };
    });
    agent.handle("tick", (input) => void ticks.push(input as number));
    agent.handle(stream("walk"), async function* (_, { source }) {
      for await (const step of source) {
        steps.push(step as number);
        yield step;
      }
      return steps.length;
    });
  },
  heard: (): Heard => ({ requests: asked.all(), ticks, steps, losses: heardLosses() }),

  async ask(seats: readonly Seat[], to: string): Promise<void> {
    askers = await Promise.all(seats.map(join));
    for (const { agent } of askers) await agent.link(to);
  },
  run: (errand: Errand, to: string) => run(errand, to),
  answered: () => answered,
});

async function run({ total, rate, openMax, tickEvery }: Errand, to: string): Promise<Told> {
  const replies = createRecord();
  const failures: string[] = [];
  const latencies: number[] = [];
  const settled: Promise<void>[] = [];
  let open = 0;
  let sent = 0;
  let ticked = 0;
  let longestPause = 0;
  const start = performance.now();
  let last = start;
  // Where replies come in, below the promises: a promise cannot settle twice and would hide a second reply.
  for (const { agent } of askers) {
    agent.onEnvelope(({ type, payload, priority }) => {
      if (type !== "response") return;
      replies.add(agent.id, priority, (payload as { n: number }).n);
      answered += 1;
    });
  }
  const settle = async (what: string, call: () => Promise<unknown>): Promise<void> => {
    open += 1;
    try {
      await call();
    } catch (error) {
      failures.push(`${what}: ${isTightbeamError(error) ? `${error.code}: ${error.message}` : String(error)}`);
    } finally {
      open -= 1;
    }
  };
  const request = async (n: number): Promise<void> => {
    const began = performance.now();
    const { agent } = askers[n % askers.length] as (typeof askers)[number];
    const priority = priorities[Math.floor(n / askers.length) % priorities.length] as Priority;
    const reply = (await agent.request(to, "count", { n }, { priority, timeout })) as { n: number };
    if (reply.n !== n) throw new Error(`the reply of ${reply.n}`);
    const now = performance.now();
    latencies.push(now - began);
    longestPause = Math.max(longestPause, now - last);
    last = now;
  };
  const notifier = askers[0]?.agent as Agent;
  let walking = true;
  async function* source(): AsyncGenerator<number> {
    for (let step = 0; walking; step++) {
      yield step;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  const back: number[] = [];
  let walked = 0;
  const walk = settle("the stream", async () => {
    const both = notifier.stream(to, "walk", undefined, { source: source() });
    for await (const step of both) back.push(step as number);
    walked = (await both.result) as number;
  });
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * rate) / 1_000));
    for (; sent < due && open < openMax; sent += 1) {
      const n = sent;
      settled.push(settle(`request ${n}`, () => request(n)));
      if (n % tickEvery > 0) continue;
      const tick = ticked++;
      settled.push(settle(`tick ${tick}`, () => notifier.notify(to, "tick", tick, { timeout })));
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(settled);
  const ms = performance.now() - start;
  walking = false;
  await walk;
  await settle("the last tick", () => notifier.notify(to, "tick", ticked++, { timeout, confirm: "done" }));
  // In which a doubled reply would still be seen.
  await new Promise((resolve) => setTimeout(resolve, 300));
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return {
    replies: replies.all(),
    failures,
    ticks: ticked,
    steps: back,
    walked,
    ms,
    longestPause,
    latency: { p50: at(0.5), p99: at(0.99) },
    losses: askers.map(({ losses }) => losses()),
  };
}

process.on("disconnect", () => process.exit(0));
