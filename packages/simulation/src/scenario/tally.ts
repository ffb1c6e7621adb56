import type { NotifyOptions } from "@tightbeam/core";
import { readOperations } from "../checks/operations.js";
import { lineageOf, wholeShelves } from "../checks/states.js";
import type { Outcome } from "../outcome.js";
import { printOf } from "../trace.js";
import { type Habit, marker, pause, priorityOf, type Scene, speak, timeoutMs } from "./scene.js";

type List = readonly string[];

/** Lists what it is told of, durably: as docs/checkpoints.md says to, and besides with checkpoints now and then. */
export const tally: Habit = async (scene) => {
  const { place, agent, others, keeping } = scene;
  if (!keeping.has(place.name)) return;
  await listen(scene);
  const readers = others.filter((name) => keeping.has(name));
  if (readers.length === 0) return;
  await speak(place, 5, (name) => {
    const { chance } = place;
    const confirm: NotifyOptions = chance.is(0.5) ? { confirm: "done" } : {};
    const options = { timeout: timeoutMs, priority: priorityOf(place), durable: true, ...confirm };
    agent.notify(chance.pick(readers), chance.is(0.7) ? "count" : "learn", `${marker} ${name}`, options).catch(() => undefined);
  });
};

/** What is on the disk in the end is all that was committed, and nothing else, in the order of the commits. */
export function misCounted(outcome: Outcome): readonly string[] {
  const inputs = new Map(readOperations(outcome).handlings.map(({ call, print }) => [call, print]));
  return wholeShelves(outcome).flatMap((shelf) => {
    const lineage = shelf.name === "tally" ? lineageOf(shelf) : undefined;
    if (lineage === undefined) return [];
    const state = `[${lineage.map((call) => inputs.get(call)).join()}]`;
    const is = shelf.restored.at(-1)?.print ?? "[]";
    return is === printOf(state) ? [] : [`the tally of ${shelf.agent} is not what was committed, but ${is}`];
  });
}

async function listen(scene: Scene): Promise<void> {
  const { place, agent } = scene;
  const { chance } = place;
  const [counted, learnt] = await Promise.all([restored(scene, "tally"), restored(scene, "model")]);
  if (counted === undefined || learnt === undefined) return;
  let tally = counted;
  let model = learnt;
  let broken = false;
  agent.handle(
    "count",
    async (input, context) => {
      await pause(place);
      // A state that was given to a commit that failed is not the one on the disk: whoever watches over the process starts it again.
      if (broken || chance.is(0.1)) throw new Error("as the simulation wants it");
      tally = [...tally, String(input)];
      await context.commit(tally, { name: "tally" }).catch((error: unknown) => {
        broken = true;
        throw error;
      });
      await pause(place);
      if (chance.is(0.1)) throw new Error("after its commit");
    },
    { ordered: chance.is(0.3) },
  );
  agent.handle("learn", async (input) => {
    await pause(place);
    model = [...model, String(input)];
    if (chance.is(0.3)) void agent.checkpoint("model", model, { keep: 2 }).catch(() => undefined);
    await pause(place);
  });
}

/** Undefined when the disk failed. What is damaged begins anew: with what was before it, or nothing. */
async function restored({ agent }: Scene, name: string): Promise<List | undefined> {
  const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
  try {
    return ((await agent.restore(name)) ?? []) as List;
  } catch (error) {
    if (codeOf(error) === "store_failed") return undefined;
    if (codeOf(error) !== "store_damaged") throw error;
  }
  return agent.restore(name, { orEarlier: true }).then(
    (state) => (state ?? []) as List,
    (error: unknown) => (codeOf(error) === "store_damaged" ? [] : undefined),
  );
}
