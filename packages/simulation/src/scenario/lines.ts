import { type StreamCallOptions, stream } from "@tightbeam/core";
import type { Place } from "../types.js";
import { type Habit, marker, pause, priorityOf, type Scene, speak, timeoutMs } from "./scene.js";

const lines = stream("lines");
const sum = stream("sum");
const echo = stream("echo");

interface Wanted {
  readonly text: string;
  readonly count: number;
  /** Chunks after which the handler throws. */
  readonly failsAt: number;
  /** Characters of a chunk. */
  readonly size: number;
}

const chunkOf = ({ text, size }: Wanted, number: number): string => `${text} ${number} ${"y".repeat(size)}`;

/** Says and hears streams, in both directions and in both at once; leaves some early. */
export const speakLines: Habit = async (scene) => {
  const { place, agent } = scene;
  const options = place.chance.is(0.5) ? { window: 8_192 } : {};
  agent.handle(
    lines,
    async function* (input) {
      const wanted = input as Wanted;
      for (let number = 0; number < wanted.count; number++) {
        if (number === wanted.failsAt) throw new Error("as the simulation wants it");
        yield chunkOf(wanted, number);
        await pause(place, 100);
      }
      return { said: wanted.count };
    },
    options,
  );
  agent.handle(
    sum,
    async (_, { source }) => {
      let heard = 0;
      for await (const __ of source) {
        heard += 1;
        await pause(place, 100);
      }
      return { heard };
    },
    options,
  );
  agent.handle(
    echo,
    async function* (_, { source }) {
      for await (const chunk of source) yield chunk;
      return "through";
    },
    options,
  );
  await speak(place, 3, (name) => void converse(scene, name).catch(() => undefined));
};

async function converse({ place, agent, others }: Scene, name: string): Promise<void> {
  const { chance } = place;
  const count = chance.below(9);
  const wanted: Wanted = {
    text: `${marker} ${name}`,
    count,
    failsAt: chance.is(0.15) ? chance.below(9) : -1,
    size: chance.is(0.1) ? chance.below(20_000) : chance.below(50),
  };
  const leavesAt = chance.is(0.15) ? chance.below(9) : -1;
  const options: StreamCallOptions = { timeout: timeoutMs, priority: priorityOf(place), ...(chance.is(0.3) ? { window: 8_192 } : {}) };
  const to = chance.pick(others);
  const kind = chance.below(3);
  const call =
    kind === 0 ? agent.stream(to, lines, wanted, options) : agent.stream(to, kind === 1 ? sum : echo, wanted, { ...options, source: sayings(place, wanted) });
  let heard = 0;
  for await (const _ of call) {
    if (heard++ === leavesAt) break;
    await pause(place, 100);
  }
  await call.result;
}

async function* sayings(place: Place, wanted: Wanted): AsyncGenerator<string> {
  for (let number = 0; number < wanted.count; number++) {
    yield chunkOf(wanted, number);
    await pause(place, 100);
  }
}
