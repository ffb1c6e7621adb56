import type { Agent, AgentOptions, NotifyOptions, Priority } from "@tightbeam/core";
import type { Store } from "@tightbeam/core/store";
import { createChance } from "../random.js";
import type { Place, SimulationOptions } from "../types.js";

/** In every payload: it must be in no frame, file and log. */
export const marker = "PLAINTEXT-of-a-payload";

export interface ConversationOptions {
  /** Stands between every agent and its disk: to show that a store that breaks its promise is found. */
  readonly store?: (store: Store, place: Place) => Store;
}

const priorities: readonly Priority[] = ["critical", "high", "normal", "low"];
const durationMs = 3_000;
const goneAfterMs = 3_000;
const mostPerProcess = 6;

/** Two or three agents that ask and tell each other things, in all lanes and ways, until shortly before faults end. Most keep what is durable on a disk. */
export function conversation(seed: number, { store = (raw) => raw }: ConversationOptions = {}): Omit<SimulationOptions, "seed"> {
  const cast = createChance(seed, "cast");
  const names = ["alice", "bob", "carol"].slice(0, cast.is(0.9) ? 2 : 3);
  const keeping = new Set(names.filter(() => cast.is(0.7)));
  const talk = async (place: Place): Promise<void> => {
    const kept = keeping.has(place.name);
    const settings: Partial<AgentOptions> = kept ? { store: store(place.disk.open(), place), storeKey: place.disk.key } : {};
    const agent = await createAgain(place, { goneAfter: goneAfterMs, ...settings });
    if (agent === undefined) return;
    const pause = async (): Promise<void> => {
      if (place.chance.is(0.3)) await place.sleep(place.chance.between(0, 50));
    };
    agent.handle("tell", pause);
    agent.handle("ask", async (input) => {
      await pause();
      return { heard: input };
    });
    agent.handle("fail", async () => {
      await pause();
      if (place.chance.is(0.7)) throw new Error("as the simulation wants it");
    });
    await speak(
      place,
      agent,
      names.filter((name) => name !== place.name),
      kept,
    );
  };
  return { agents: Object.fromEntries(names.map((name) => [name, talk])), duration: durationMs, drain: 150_000, secrets: [marker] };
}

/** A disk may be full, or fail, when a process starts: then it waits, or ends and is started again. */
async function createAgain(place: Place, options: Partial<AgentOptions>): Promise<Agent | undefined> {
  for (;;) {
    try {
      return await place.createAgent(options);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "store_failed") return undefined;
      if (code !== "store_full") throw error;
      await place.sleep(200);
    }
  }
}

async function speak(place: Place, agent: Agent, others: readonly string[], kept: boolean): Promise<void> {
  const { chance } = place;
  // Some only answer.
  const count = chance.is(0.4) ? 0 : 1 + chance.below(mostPerProcess);
  for (let number = 0; number < count; number++) {
    await place.sleep(chance.between(0, (place.healedAt - place.now) / 6));
    const burst = chance.is(0.2) ? 1 + chance.below(8) : 1;
    for (let one = 0; one < burst; one++) say(place, agent, chance.pick(others), `${place.name} ${place.incarnation} ${number} ${one}`, kept);
  }
}

/** What becomes of it the trace knows. */
function say(place: Place, agent: Agent, to: string, text: string, kept: boolean): void {
  const { chance } = place;
  const filler = chance.is(0.05) ? "x".repeat(chance.below(40_000)) : "";
  const input = { text: `${marker} ${text}`, filler };
  const options: NotifyOptions = { timeout: 8_000, priority: chance.pick(priorities) };
  const confirm: NotifyOptions = chance.is(0.4) ? { confirm: chance.is(0.7) ? "done" : "received" } : {};
  const send = (): Promise<unknown> => {
    if (kept && chance.is(0.5)) return agent.notify(to, chance.is(0.1) ? "fail" : "tell", input, { ...options, ...confirm, durable: true });
    if (chance.is(0.5)) return agent.notify(to, "tell", input, { ...options, ...confirm });
    return agent.request(to, "ask", input, chance.is(0.3) ? { ...options, idempotencyKey: text.replaceAll(" ", "-") } : options);
  };
  send().catch(() => undefined);
}
