import type { NotifyOptions } from "@tightbeam/core";
import { type Habit, marker, pause, priorityOf, type Scene, speak, timeoutMs } from "./scene.js";

/** Asks and tells, in all lanes and ways. */
export const talk: Habit = async (scene) => {
  const { place, agent } = scene;
  agent.handle("tell", () => pause(place));
  agent.handle("ask", async (input) => {
    await pause(place);
    return { heard: input };
  });
  agent.handle("fail", async () => {
    await pause(place);
    if (place.chance.is(0.7)) throw new Error("as the simulation wants it");
  });
  await speak(place, 6, (name) => say(scene, name));
};

/** What becomes of it the trace knows. */
function say({ place, agent, others, keeping }: Scene, text: string): void {
  const { chance } = place;
  const to = chance.pick(others);
  const filler = chance.is(0.05) ? "x".repeat(chance.below(40_000)) : "";
  const input = { text: `${marker} ${text}`, filler };
  const options: NotifyOptions = { timeout: timeoutMs, priority: priorityOf(place) };
  const confirm: NotifyOptions = chance.is(0.4) ? { confirm: chance.is(0.7) ? "done" : "received" } : {};
  const send = (): Promise<unknown> => {
    if (keeping.has(place.name) && chance.is(0.5)) return agent.notify(to, chance.is(0.1) ? "fail" : "tell", input, { ...options, ...confirm, durable: true });
    if (chance.is(0.5)) return agent.notify(to, "tell", input, { ...options, ...confirm });
    return agent.request(to, "ask", input, chance.is(0.3) ? { ...options, idempotencyKey: text.replaceAll(" ", "-") } : options);
  };
  send().catch(() => undefined);
}
