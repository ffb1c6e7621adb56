import { run } from "./run.js";
import type { Place } from "./types.js";

let warm: Promise<void> | undefined;

/**
 * Uses once, in real time, what core loads late: virtual time does not wait for a disk. Once per process; `simulate` does it by itself.
 */
export function warmUp(): Promise<void> {
  warm ??= exercise();
  return warm;
}

async function exercise(): Promise<void> {
  const answering = async (place: Place): Promise<void> => {
    const agent = await place.createAgent({
      policy: () => true,
      limits: { rate: { perSecond: 1_000, burst: 1_000 } },
      store: place.disk.open(),
      storeKey: place.disk.key,
    });
    agent.handle("echo", (input) => input);
    agent.publishes("news");
    await agent.describe();
    await place.sleep(100);
    await agent.publish("news", 1);
  };
  const asking = async (place: Place): Promise<void> => {
    const agent = await place.createAgent({ store: place.disk.open(), storeKey: place.disk.key });
    await agent.request("answering", "echo", 1);
    await agent.request("answering", "echo", 1, { idempotencyKey: "first" });
    await agent.notify("answering", "echo", 2, { durable: true, confirm: "done" });
    await agent.notify("answering", "echo", 2, { durable: true, ttl: 1 });
    await agent.deadLetters.list();
    await agent.subscribe("news", () => undefined);
    const stream = agent.stream("answering", "nothing");
    await stream[Symbol.asyncIterator]()
      .next()
      .catch(() => undefined);
  };
  const { trace, drainedAt } = await run({ seed: 0, agents: { answering, asking }, faults: [], duration: 1, drain: 60_000, patient: true });
  const failed = trace.find((event) => event.type === "process" && event.what === "failed");
  if (failed?.type === "process" || drainedAt === undefined)
    throw new Error(`The simulation could not load its parts: ${failed?.type === "process" ? failed.text : "they did not come to an end"}`);
}
