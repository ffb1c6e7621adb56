import type { Agent, AgentOptions, Priority } from "@tightbeam/core";
import type { Place } from "../types.js";

/** In every payload: it must be in no frame, file and log. */
export const marker = "PLAINTEXT-of-a-payload";

/** One process of an agent, with what its habits need. */
export interface Scene {
  readonly place: Place;
  readonly agent: Agent;
  readonly others: readonly string[];
  /** Agents with a disk, this one among them if it has one. */
  readonly keeping: ReadonlySet<string>;
}

/** Answers others and says things itself. What it handles it handles from its call on. */
export type Habit = (scene: Scene) => Promise<void>;

export const timeoutMs = 8_000;
const priorities: readonly Priority[] = ["critical", "high", "normal", "low"];

export const priorityOf = ({ chance }: Place): Priority => chance.pick(priorities);

/** Handlers wait at times. */
export async function pause({ chance, sleep }: Place, most = 50): Promise<void> {
  if (chance.is(0.3)) await sleep(chance.between(0, most));
}

/** Says so many things until shortly before faults end, some at once, each under a name of its own. Some only answer. */
export async function speak(place: Place, most: number, say: (name: string) => void): Promise<void> {
  const { chance, name, incarnation } = place;
  const count = chance.is(0.4) ? 0 : 1 + chance.below(most);
  for (let number = 0; number < count; number++) {
    await place.sleep(chance.between(0, (place.healedAt - place.now) / most));
    const burst = chance.is(0.2) ? 1 + chance.below(8) : 1;
    for (let one = 0; one < burst; one++) say(`${name} ${incarnation} ${number} ${one}`);
  }
}

/** A disk may be full, or fail, when a process starts: then it waits, or ends and is started again. One that is damaged nobody opens. */
export async function createAgain(place: Place, options: Partial<AgentOptions>): Promise<Agent | undefined> {
  for (;;) {
    try {
      return await place.createAgent(options);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "store_failed" || code === "store_damaged" || code === "store_too_new") return undefined;
      if (code !== "store_full") throw error;
      await place.sleep(200);
    }
  }
}
