import type { Agent, EventContext, StreamCall } from "@tightbeam/core";
import type { Store, StoreChange } from "@tightbeam/core/store";
import {
  type ConversationOptions,
  conversation,
  type FaultKind,
  type Habit,
  type Judged,
  judge,
  type Place,
  type SimulationOptions,
  warmUp,
} from "@tightbeam/simulation";
import { describe, expect, it } from "vitest";

/** Within so many a planted bug has to be found. */
const seedsMax = 1_000;

interface Planted extends ConversationOptions {
  readonly between?: SimulationOptions["between"];
  readonly kinds?: readonly FaultKind[];
  /** Invariants that would find it, too. */
  readonly without?: readonly string[];
}

/** The first seed with which a conversation with a bug fails, and how. With the same faults and without the bug it holds. */
async function hunt({ between, kinds = ["crash", "torn"], without = [], ...planted }: Planted): Promise<Judged> {
  await warmUp();
  const plant = between === undefined ? {} : { between };
  for (let seed = 0; seed < seedsMax; seed++) {
    const judged = await judge({ ...conversation(seed, planted), seed, faults: { kinds, most: 3 }, without, ...plant });
    if (judged.violations.length === 0) continue;
    const honest = await judge({ ...conversation(seed, { habits: planted.habits ?? [] }), seed, faults: judged.faults });
    expect(honest.violations).toEqual([]);
    return judged;
  }
  throw new Error(`Not found within ${seedsMax} seeds.`);
}

const keyOf = (change: StoreChange): string => ("put" in change ? change.put : change.remove);
const copied = (changes: readonly StoreChange[]): StoreChange[] =>
  changes.map((change) => ("put" in change ? { put: change.put, value: change.value.slice() } : change));

/** Says that such changes are flushed when they are not, and writes them later. */
const early =
  (prefix: string, most = 200) =>
  (raw: Store, { sleep }: Place): Store => ({
    ...raw,
    get: (key) => raw.get(key),
    scan: (...scan) => raw.scan(...scan),
    async batch(changes) {
      const late = changes.filter((change) => keyOf(change).startsWith(prefix));
      if (late.length === 0) return raw.batch(changes);
      const kept = copied(late);
      await raw.batch(changes.filter((change) => !late.includes(change)));
      void sleep(most)
        .then(() => raw.batch(kept))
        .catch(() => undefined);
    },
  });

/** Flushes a batch in two halves, one after the other, and says so when both are there. */
const halved = (raw: Store): Store => ({
  ...raw,
  get: (key) => raw.get(key),
  scan: (...scan) => raw.scan(...scan),
  async batch(changes) {
    const all = copied(changes).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const half = all.length >> 1;
    await raw.batch(all.slice(0, half));
    await raw.batch(all.slice(half));
  },
});

describe("what a store does wrongly is found", { timeout: 240_000 }, () => {
  it.each([
    // What DONE says before the mark is written a crash makes untrue: its sender knows better than the store, or it is handled again.
    ["an acknowledgement before the mark is written", "talk", early("mark/"), ["done", "sound"]],
    ["a durable message that is accepted before it is on disk", "talk", early("out/"), ["acknowledged", "done", "sound"]],
    ["a mark without the state that was committed with it", "tally", early("ck/"), ["committed", "restored", "sound"]],
    ["a state without the marks of what it holds", "tally", early("mark/"), ["committed", "marked", "done", "sound"]],
    ["a batch that is not there as a whole", "tally", halved, ["committed", "restored", "marked", "sound"]],
  ] as const)("%s", async (_, habit, store, invariants) => {
    const { violations, faults } = await hunt({ store, habits: [habit] });
    expect(invariants).toContain(violations[0]?.invariant);
    expect(faults.length).toBeGreaterThan(0);
  });
});

/** Commits the state as it was before it waited for something: of two handlers beside each other one is forgotten. */
const forgetful: Habit = async ({ place, agent, others, keeping }) => {
  const { chance } = place;
  if (!keeping.has(place.name)) return;
  let list = ((await agent.restore("tally").catch(() => undefined)) ?? []) as readonly string[];
  agent.handle("count", async (input, context) => {
    const next = [...list, String(input)];
    await place.sleep(chance.between(0, 20));
    list = next;
    await context.commit(next, { name: "tally" });
  });
  const to = others.find((name) => keeping.has(name));
  for (let number = 0; to !== undefined && number < 6; number++)
    agent.notify(to, "count", `${place.name} ${place.incarnation} ${number}`, { durable: true }).catch(() => undefined);
};

it("a handler that waits between its change and its commit is found", { timeout: 240_000 }, async () => {
  const { violations } = await hunt({ habits: ["tally"], instead: { tally: forgetful } });
  expect(violations[0]).toMatchObject({ invariant: "check", text: expect.stringContaining("is not what was committed") });
});

/** Told when a link of this agent is there again after it was not. */
const onAgain = (agent: Agent, again: () => void): void => {
  let sessions = 0;
  agent.onEvent((event) => void (event.type === "established" && ++sessions > 1 && again()));
};

/** Reads a stream through `change`: none, one or several chunks for each that came. */
const reading =
  (read: (chunk: unknown) => readonly unknown[], swallows = false) =>
  (agent: Agent): Agent => {
    const { stream } = agent as unknown as { stream: (...given: unknown[]) => StreamCall };
    const through = (call: StreamCall): StreamCall => ({
      write: (chunk) => call.write(chunk),
      end: () => call.end(),
      cancel: (reason) => call.cancel(reason),
      result: swallows ? call.result.catch(() => undefined) : call.result,
      async *[Symbol.asyncIterator]() {
        try {
          for await (const chunk of call) yield* read(chunk);
        } catch (error) {
          if (!swallows) throw error;
        }
      },
    });
    return Object.assign(agent, { stream: ((...given: unknown[]) => through(stream(...given))) as Agent["stream"] });
  };

/** The same for events. */
const hearing = (agent: Agent, hear: (event: unknown) => readonly unknown[]): Agent => {
  const { subscribe } = agent as unknown as { subscribe: (...given: unknown[]) => unknown };
  return Object.assign(agent, {
    subscribe: ((topic: string, handler: (event: unknown, context: EventContext) => unknown, options: unknown) =>
      subscribe(
        topic,
        (event: unknown, context: EventContext) => {
          for (const one of hear(event)) handler(one, context);
        },
        options,
      )) as Agent["subscribe"],
  });
};

/** Once after each time that a link came back. */
function onceAgain<T>(agent: Agent, usual: (value: T) => readonly T[], then: (value: T) => readonly T[]): (value: T) => readonly T[] {
  let due = false;
  onAgain(agent, () => (due = true));
  return (value) => {
    const chosen = due ? then : usual;
    due = false;
    return chosen(value);
  };
}

const one = (value: unknown): readonly unknown[] => [value];
const none = (): readonly unknown[] => [];
const two = (value: unknown): readonly unknown[] => [value, value];

describe("what streams and topics do wrongly when links come back is found", { timeout: 240_000 }, () => {
  const kinds = ["partition", "oneWay", "drop", "crash", "cut"] as const;

  it.each([
    ["a chunk that comes again", (agent: Agent) => reading(onceAgain(agent, one, two))(agent), "streamed"],
    ["a chunk that is lost", (agent: Agent) => reading(onceAgain(agent, one, none))(agent), "streamed"],
    ["an end that hides a loss", reading(one, true), "ended"],
  ] as const)("%s", async (_, between, invariant) => {
    const { violations } = await hunt({ habits: ["streams"], between, kinds, without: ["answered"] });
    expect(violations[0]?.invariant).toBe(invariant);
  });

  it.each([
    ["an event that comes again", two, "published"],
    ["an event that is lost without a word", none, "unbroken"],
  ] as const)("%s", async (_, then, invariant) => {
    const { violations } = await hunt({ habits: ["topics"], between: (agent) => hearing(agent, onceAgain(agent, one, then)), kinds });
    expect(violations[0]?.invariant).toBe(invariant);
  });
});
