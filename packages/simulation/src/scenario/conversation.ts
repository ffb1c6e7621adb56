import type { Agent, NotifyOptions, Priority } from "@tightbeam/core";
import { createChance } from "../random.js";
import type { Place, SimulationOptions } from "../types.js";

/** In every payload: it must be in no frame, file and log. */
export const marker = "PLAINTEXT-of-a-payload";

const priorities: readonly Priority[] = ["critical", "high", "normal", "low"];
const durationMs = 3_000;
const goneAfterMs = 3_000;
const mostPerProcess = 8;

/** Two or three agents that ask and tell each other things, in all lanes and ways, until shortly before faults end. */
export function conversation(seed: number): Omit<SimulationOptions, "seed"> {
  const names = ["alice", "bob", "carol"].slice(0, createChance(seed, "cast").is(0.8) ? 2 : 3);
  const talk = async (place: Place): Promise<void> => {
    const agent = await place.createAgent({ goneAfter: goneAfterMs });
    agent.handle("tell", async () => {
      if (place.chance.is(0.3)) await place.sleep(place.chance.between(0, 50));
    });
    agent.handle("ask", async (input) => {
      if (place.chance.is(0.3)) await place.sleep(place.chance.between(0, 50));
      return { heard: input };
    });
    await speak(
      place,
      agent,
      names.filter((name) => name !== place.name),
    );
  };
  return { agents: Object.fromEntries(names.map((name) => [name, talk])), duration: durationMs, drain: 40_000, secrets: [marker] };
}

async function speak(place: Place, agent: Agent, others: readonly string[]): Promise<void> {
  const { chance } = place;
  // Some only answer.
  const count = chance.is(0.3) ? 0 : 1 + chance.below(mostPerProcess);
  for (let number = 0; number < count; number++) {
    await place.sleep(chance.between(0, (place.healedAt - place.now) / 6));
    const burst = chance.is(0.2) ? 1 + chance.below(8) : 1;
    for (let one = 0; one < burst; one++) say(place, agent, chance.pick(others), `${place.name} ${place.incarnation} ${number} ${one}`);
  }
}

/** What becomes of it the trace knows. */
function say(place: Place, agent: Agent, to: string, text: string): void {
  const { chance } = place;
  const filler = chance.is(0.05) ? "x".repeat(chance.below(40_000)) : "";
  const input = { text: `${marker} ${text}`, filler };
  const options: NotifyOptions = { timeout: 8_000, priority: chance.pick(priorities) };
  const result = chance.is(0.5)
    ? agent.request(to, "ask", input, chance.is(0.3) ? { ...options, idempotencyKey: text.replaceAll(" ", "-") } : options)
    : agent.notify(to, "tell", input, chance.is(0.3) ? { ...options, confirm: chance.is(0.5) ? "done" : "received" } : options);
  result.catch(() => undefined);
}
