import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";

export interface SoakFigures {
  readonly subscribers: number;
  readonly events: number;
  readonly eventBytes: number;
  readonly seconds: number;
  /** Processor time for one event at one subscriber, all of it: publisher, hub and subscriber in one process. */
  readonly microsecondsPerDelivery: number;
  /** The most that the publisher's memory budget held: queues, and what was on its way. */
  readonly publisherPeakBytes: number;
  readonly publisherPeakQueued: number;
  readonly heapGrowthBytes: number;
  /** Events that were missing, twice or out of order. */
  readonly wrong: number;
  readonly dropped: number;
}

/** One publisher, many subscribers, each of which must get every event published after it was answered, once and in order. Half of them come while it publishes. */
export async function soakTopics(subscribers: number, events: number, eventBytes = 256): Promise<SoakFigures> {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const join = async (id: string): Promise<Agent> =>
    createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), presence: false });
  const publisher = await join("publisher");
  // Many agents share one processor here: slow is who stands still, not who waits for their turn.
  publisher.publishes("soak.numbers", { patience: 60_000 });
  const text = "x".repeat(Math.max(0, eventBytes - 20));
  const agents: Agent[] = [];
  const first: number[] = [];
  const last: number[] = [];
  /** What was published after its answer begins no later than with this number. */
  const due: number[] = [];
  let wrong = 0;
  let published = 0;
  let delivered = 0;

  const arrive = async (index: number): Promise<void> => {
    const agent = await join(`subscriber-${index}`);
    agents.push(agent);
    const take = (event: unknown): void => {
      const { number } = event as { number: number };
      const before = last[index];
      if (before === undefined) first[index] = number;
      else if (number !== before + 1) wrong++;
      last[index] = number;
      delivered++;
    };
    await agent.subscribe("soak.*", take, { from: ["publisher"], ready: 1 });
    due[index] = published;
  };

  const early = Math.ceil(subscribers / 2);
  for (let index = 0; index < early; index++) await arrive(index);
  let publisherPeakBytes = 0;
  let publisherPeakQueued = 0;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const late = (async () => {
    for (let index = early; index < subscribers; index++) await arrive(index);
  })();
  // The late ones have all of the rest: `events` of them.
  const publish = async (): Promise<void> => {
    await publisher.publish("soak.numbers", { number: published++, text });
    if (published % 64 !== 0) return;
    publisherPeakBytes = Math.max(publisherPeakBytes, publisher.status().memory.used);
    for (const { queued } of publisher.subscribers("soak.numbers")) publisherPeakQueued = Math.max(publisherPeakQueued, queued);
  };
  let complete = false;
  void late.then(() => {
    complete = true;
  });
  while (!complete) {
    await publish();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await late;
  const start = performance.now();
  const cpu = process.cpuUsage();
  const earlier = delivered;
  for (let rest = events; rest > 0; rest--) await publish();
  while (last.length < subscribers || last.some((number) => number !== published - 1)) await new Promise((resolve) => setTimeout(resolve, 5));
  const seconds = (performance.now() - start) / 1_000;
  wrong += due.filter((number, index) => (first[index] ?? Number.POSITIVE_INFINITY) > number).length;
  const { user, system } = process.cpuUsage(cpu);
  globalThis.gc?.();
  const heapGrowthBytes = process.memoryUsage().heapUsed - before;
  const dropped = publisher.subscribers("soak.numbers").reduce((sum, each) => sum + each.dropped, 0);
  await Promise.all([publisher, ...agents].map((agent) => agent.close()));
  hub.close();
  return {
    subscribers,
    events: published,
    eventBytes,
    seconds,
    microsecondsPerDelivery: (user + system) / (delivered - earlier),
    publisherPeakBytes,
    publisherPeakQueued,
    heapGrowthBytes,
    wrong,
    dropped,
  };
}
