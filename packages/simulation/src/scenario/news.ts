import type { SubscribeOptions } from "@tightbeam/core";
import { type Habit, marker, pause, speak, timeoutMs } from "./scene.js";

const topics = ["news.near", "news.far"];

/** Publishes events, and hears those of others: as they come, or after some that were before, and some slower than they come. */
export const spreadNews: Habit = async ({ place, agent, others }) => {
  const { chance } = place;
  const subscribe = async (pattern: string): Promise<void> => {
    const slow = chance.is(0.4);
    const options: SubscribeOptions = {
      ...(chance.is(0.5) ? { replay: 3 } : {}),
      ...(chance.is(0.3) ? { from: others } : {}),
      ...(slow ? { queue: 300 } : {}),
    };
    if (chance.is(0.3)) await place.sleep(chance.between(0, 1_500));
    const take = (): Promise<void> => (slow ? place.sleep(chance.between(0, 500)) : pause(place));
    await agent.subscribe(pattern, take, options).catch(() => undefined);
  };
  const hears = chance.is(0.7);
  const publishes = !hears || chance.is(0.6);
  if (hears) void subscribe(chance.is(0.5) ? "news.*" : "news.far");
  if (!publishes) return;
  for (const topic of topics) {
    const policy = chance.pick(["drop-oldest", "drop-newest", "disconnect"] as const);
    agent.publishes(topic, {
      ...(chance.is(0.6) ? { retain: 4 } : {}),
      ...(chance.is(0.4) ? { queue: { events: 1 }, patience: 50, slow: policy } : {}),
    });
  }
  await speak(place, 8, (name) => {
    agent.publish(chance.pick(topics), `${marker} ${name}`, { timeout: timeoutMs }).catch(() => undefined);
  });
};
