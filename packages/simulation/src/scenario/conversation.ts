import type { AgentOptions } from "@tightbeam/core";
import type { Store } from "@tightbeam/core/store";
import { checkKnown } from "@tightbeam/core/transport";
import type { Outcome } from "../outcome.js";
import { type Chance, createChance } from "../random.js";
import type { Place, SimulationOptions } from "../types.js";
import { speakLines } from "./lines.js";
import { spreadNews } from "./news.js";
import { createAgain, type Habit, marker, type Scene } from "./scene.js";
import { talk } from "./talk.js";
import { misCounted, tally } from "./tally.js";

/** talk: requests and notifications, durable ones too. tally: states that are committed with their messages. streams, topics: those. */
export type HabitName = "talk" | "tally" | "streams" | "topics";

export interface ConversationOptions {
  /** Stands between every agent and its disk: to show that a store that breaks its promise is found. */
  readonly store?: ((store: Store, place: Place) => Store) | undefined;
  /** What agents do. Default: one or two of all, drawn from the seed. */
  readonly habits?: readonly HabitName[] | undefined;
  /** In place of the scenario's own: to show that what is done wrongly is found. */
  readonly instead?: Partial<Record<HabitName, Habit>> | undefined;
}

const durationMs = 3_000;
/** Some give up on each other before the network is whole again, and meet again. */
const goneAfters = [600, 3_000, 3_000];
const all: Record<HabitName, Habit> = { talk, tally, streams: speakLines, topics: spreadNews };

/** Two or three agents that ask, tell, count, stream and publish, until shortly before faults end. Most keep what is durable on a disk. */
export function conversation(seed: number, options: ConversationOptions = {}): Omit<SimulationOptions, "seed"> {
  checkKnown("conversation", options, ["store", "habits", "instead"]);
  const { store = (raw) => raw, habits, instead = {} } = options;
  const cast = createChance(seed, "cast");
  const names = ["alice", "bob", "carol"].slice(0, cast.is(0.9) ? 2 : 3);
  const chosen = habits ?? draw(createChance(seed, "habits"));
  const counts = chosen.includes("tally");
  const keeping = new Set(names.filter(() => cast.is(counts ? 0.95 : 0.7)));
  const goneAfter = createChance(seed, "patience").pick(goneAfters);
  const live = async (place: Place): Promise<void> => {
    const kept = keeping.has(place.name);
    const settings: Partial<AgentOptions> = kept ? { store: store(place.disk.open(), place), storeKey: place.disk.key } : {};
    const agent = await createAgain(place, { goneAfter, ...settings });
    if (agent === undefined) return;
    const others = names.filter((name) => name !== place.name);
    const scene: Scene = { place, agent, others, keeping };
    await Promise.all(chosen.map((name) => (instead[name] ?? all[name])(scene)));
  };
  return { agents: Object.fromEntries(names.map((name) => [name, live])), duration: durationMs, drain: 150_000, secrets: [marker], check };
}

/** What a process waits for when nothing goes on: no more for having done much. */
const timersMost = 24;
const timersPerLink = 8;

const check = (outcome: Outcome): readonly string[] => [...misCounted(outcome), ...restless(outcome)];

const restless = ({ trace }: Outcome): readonly string[] =>
  trace.flatMap((event) =>
    event.type === "rest" && event.timers > timersMost + timersPerLink * event.links.length
      ? [`${event.agent} still has ${event.timers} timers, with ${event.links.length} links`]
      : [],
  );

/** Each as often as it stands here: some take more of a processor than others. */
const drawn: readonly HabitName[] = ["talk", "talk", "talk", "tally", "tally", "streams", "topics"];

/** One, or two that may be the same. */
const draw = (chance: Chance): readonly HabitName[] => [...new Set(Array.from({ length: chance.is(0.85) ? 1 : 2 }, () => chance.pick(drawn)))];
