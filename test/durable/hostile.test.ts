import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { encodePayload } from "../../packages/core/src/codec/index.js";
import type { DurableNumber } from "../../packages/core/src/envelope/types.js";
import { encodeEnvelope } from "../../packages/core/src/envelope/wire.js";
import type { Link } from "../../packages/core/src/link/link-types.js";
import type { Lane, Outcome } from "../../packages/core/src/link/message.js";
import { insideOf } from "../../packages/core/src/patterns/inside.js";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type DurableWorld, type Mortal } from "./world.js";

beforeAll(loadParts);

const text = (seed: number): string => `${String(seed).padStart(21, "A")}A`;
const opening = (more: object = {}) => ({
  store: text(1),
  kept: true,
  starts: [[1, text(2)]],
  epoch: 0,
  began: [0, 0, 0, 0],
  next: [0, 0, 0, 0],
  floor: [0, 0, 0, 0],
  ...more,
});

/** A peer that says what it likes. */
async function rogueIn(here: DurableWorld, id = "rogue") {
  const rogue = await here.start(id);
  const { host } = insideOf(rogue.agent);
  const link: Link = await here.during(host.links.connect({ id: "alice" }, { timeout: 5_000 }));
  return {
    agent: rogue.agent,
    link,
    open: (value: unknown, on = link) => here.during(host.system.request(on, "durable", value).catch((error: { code: string }) => error.code)),
    /** What became of a durable message with these numbers. */
    send: (durable: DurableNumber, { lane = 2, wantsDone = true, id: given = undefined as string | undefined, method = "job", headers = {} } = {}) =>
      new Promise<Outcome | "lost">((resolve) => {
        const header = {
          type: "notification",
          id: given ?? host.ids.text(),
          timestamp: here.runtime.clock.wall(),
          priority: "normal",
          method,
          durable,
          ...(Object.keys(headers).length === 0 ? {} : { headers }),
        } as const;
        const watch = { done: resolve, lost: () => resolve("lost") };
        link.send({ bytes: encodeEnvelope(header, encodePayload(durable.number)), lane: lane as Lane, intake: true, wantsDone, watch });
      }),
  };
}

async function scene(options: object = {}) {
  const here = await createWorld();
  onTestFinished(() => here.close());
  const alice: Mortal = await here.start("alice", { disk: createDisk(), ...options });
  const got: unknown[] = [];
  alice.agent.handle("job", (input) => void got.push(input));
  alice.agent.handle("slow", () => new Promise(() => {}));
  return { here, alice, got, rogue: await rogueIn(here) };
}

/** An honest round trip on the same receiver. */
async function honest(here: DurableWorld, got: unknown[]): Promise<void> {
  const bob = await here.start("bob", { disk: createDisk() });
  await here.during(bob.agent.notify("alice", "job", "honest", { durable: true, confirm: "done" }));
  expect(got).toContain("honest");
}

const first: DurableNumber = { number: 0, floor: 0, again: false };

describe("a rogue peer", () => {
  test("TM-191 nothing durable is taken before its sender said what store it is of, nor without asking for DONE", async () => {
    const { here, alice, got, rogue } = await scene();
    expect(await here.during(rogue.send(first))).toBe("refused");
    await rogue.open(opening());
    void rogue.send(first, { wantsDone: false });
    await here.runtime.advance(500);
    expect(got).toEqual([]);
    expect(alice.events.filter(({ type }) => type === "refused")).toHaveLength(2);
    expect(await here.during(rogue.send(first))).toBe("ok");
    await honest(here, got);
  });

  test("TM-191 what it says of its store is read strictly, and one link has one store", async () => {
    const { here, got, rogue } = await scene();
    const wrong: unknown[] = [
      undefined,
      7,
      [],
      {},
      opening({ store: "short" }),
      opening({ store: 7 }),
      opening({ kept: 1 }),
      opening({ starts: [] }),
      opening({ starts: Array.from({ length: 17 }, (_, i) => [17 - i, text(i)]) }),
      opening({ starts: [[1, text(2), 3]] }),
      opening({ starts: [[0, text(2)]] }),
      opening({ starts: [[2 ** 48, text(2)]] }),
      opening({
        starts: [
          [3, text(2)],
          [1, text(3)],
        ],
      }),
      opening({ starts: [[1, "x"]] }),
      opening({ epoch: -1 }),
      opening({ epoch: 1.5 }),
      opening({ forgot: 1 }),
      opening({ next: [0, 0, 0] }),
      opening({ next: [0, 0, 0, 2 ** 48] }),
      opening({ next: [0, 0, 0, -1] }),
      opening({ floor: [0, 0, 0, 1] }),
      opening({ began: [1, 0, 0, 0] }),
    ];
    for (const value of wrong) expect(await rogue.open(value)).toBe("invalid_input");
    expect(await rogue.open(opening())).toMatchObject({ durable: true, seen: [0, 0, 0, 0] });
    expect(await rogue.open(opening())).toMatchObject({ durable: true });
    expect(await rogue.open(opening({ store: text(9) }))).toBe("invalid_input");
    await honest(here, got);
  });

  test("TM-190 a peer that claims another's store has marks of its own", async () => {
    const { here, alice, got, rogue } = await scene();
    const bob = await here.start("bob", { disk: createDisk() });
    await here.during(bob.agent.notify("alice", "job", "bob's", { durable: true, confirm: "done" }));
    const store = bob.agent.durable.status().store as string;
    expect(await rogue.open(opening({ store }))).toMatchObject({ seen: [0, 0, 0, 0] });
    for (let number = 0; number < 5; number++) expect(await here.during(rogue.send({ number, floor: 0, again: false }))).toBe("ok");
    for (let i = 0; i < 5; i++) await here.during(bob.agent.notify("alice", "job", `more ${i}`, { durable: true, confirm: "done" }));
    expect(got.filter((input) => typeof input === "string")).toHaveLength(6);
    expect([...(alice.disk?.entries.keys() ?? [])].filter((key) => key.startsWith("mark/"))).toHaveLength(2);
  });

  test("TM-192 numbers far apart are remembered up to a bound, and then not taken", { timeout: 60_000 }, async () => {
    const { here, alice, got, rogue } = await scene();
    await rogue.open(opening());
    const outcomes: (Outcome | "lost")[] = [];
    for (let from = 0; from < 4_400; from += 400) {
      const some = Array.from({ length: 400 }, (_, i) => rogue.send({ number: (from + i + 1) * 1_000, floor: 0, again: false }));
      outcomes.push(...(await here.during(Promise.all(some))));
    }
    expect(outcomes.filter((outcome) => outcome === "ok").length).toBe(2_560);
    expect(outcomes.slice(-50).every((outcome) => outcome === "again")).toBe(true);
    const mark = [...(alice.disk?.entries ?? [])].find(([key]) => key.startsWith("mark/"));
    expect(mark?.[1].length).toBeLessThan(128 * 1024);
    // The floor is the way out, for whoever is honest.
    const number = 5_000_000;
    expect(await here.during(rogue.send({ number, floor: number, again: false }))).toBe("ok");
    await honest(here, got);
  });

  test("TM-192 what is worked on at once of one store is bounded", async () => {
    const { here, alice, got, rogue } = await scene();
    await rogue.open(opening());
    const outcomes: (Outcome | "lost")[] = [];
    for (let number = 0; number < 1_300; number++)
      void rogue.send({ number, floor: 0, again: false }, { method: "slow" }).then((outcome) => outcomes.push(outcome));
    await here.until(() => outcomes.length === 200);
    expect(outcomes.every((outcome) => outcome === "again")).toBe(true);
    expect(alice.agent.durable.status().receiving).toBe(1_100);
    await honest(here, got);
  });

  test("TM-192 what a message holds beside its payload counts", async () => {
    const { here, alice, got, rogue } = await scene();
    await rogue.open(opening());
    const { budget } = insideOf(alice.agent).host.links;
    const before = budget.used;
    const headers = { note: "x".repeat(7_000) };
    for (let number = 0; number < 1_000; number++) void rogue.send({ number, floor: 0, again: false }, { method: "slow", headers });
    await here.until(() => alice.agent.durable.status().receiving === 1_000);
    expect(budget.used - before).toBeGreaterThan(1_000 * 7_000);
    await honest(here, got);
  });

  test("TM-193 the stores of one peer that are remembered are bounded; those gone with their process make room", { timeout: 60_000 }, async () => {
    const { here, got, rogue } = await scene();
    const { host } = insideOf(rogue.agent);
    const answers: unknown[] = [];
    for (let i = 0; i < 66; i++) {
      const link: Link = await here.during(host.links.connect({ id: "alice" }, { timeout: 5_000 }));
      answers.push(await rogue.open(opening({ store: text(100 + i), kept: i !== 3 }), link));
      link.close();
      await here.runtime.advance(50);
    }
    expect(answers.slice(0, 65).every((answer) => typeof answer === "object")).toBe(true);
    expect(answers[65]).toBe("overloaded");
    await honest(here, got);
  });

  test("TM-194 lies about floors and numbers hurt only who tells them", async () => {
    const { here, got, rogue } = await scene();
    await rogue.open(opening());
    expect(await here.during(rogue.send({ number: 50, floor: 40, again: false }))).toBe("ok");
    // A floor that goes back means nothing, and what is below it counts as settled.
    expect(await here.during(rogue.send({ number: 30, floor: 0, again: false }))).toBe("ok");
    expect(got).toEqual([50]);
    expect(await here.during(rogue.send({ number: 60, floor: 0, again: true }))).toBe("ok");
    expect(got).toEqual([50, 60]);
    // A number that is worked on, with another message.
    void rogue.send({ number: 70, floor: 0, again: false }, { method: "slow" });
    await here.runtime.advance(100);
    expect(await here.during(rogue.send({ number: 70, floor: 0, again: false }))).toBe("refused");
    expect(await here.during(rogue.send({ number: 2 ** 48 - 1, floor: 2 ** 48 - 1, again: false }))).toBe("ok");
    await honest(here, got);
  });

  test("TM-194 the same message over two links runs once, and both get its DONE", async () => {
    const { here, got, rogue } = await scene();
    const twin = await rogueIn(here);
    await rogue.open(opening());
    await twin.open(opening(), twin.link);
    const id = insideOf(rogue.agent).host.ids.text();
    const both = await here.during(Promise.all([rogue.send(first, { id }), twin.send(first, { id })]));
    expect(both).toEqual(["ok", "ok"]);
    expect(got).toEqual([0]);
  });

  test("what was tried before its sender said to forget counts no more", async () => {
    const here = await createWorld();
    onTestFinished(() => here.close());
    const disk = createDisk();
    const before = await here.start("alice", { disk });
    before.agent.handle("job", () => {
      throw new Error("no");
    });
    const first = await rogueIn(here);
    await first.open(opening());
    void first.send({ number: 5, floor: 0, again: true });
    await here.until(() => [...disk.entries.keys()].some((key) => key.startsWith("try/")));
    await before.crash();
    await here.start("alice", { disk });
    const second = await rogueIn(here, "rogue");
    const forgetting = opening({ forgot: text(9) });
    expect(await second.open(forgetting)).toMatchObject({ seen: [0, 0, 0, 0] });
    expect(await second.open(forgetting)).toMatchObject({ seen: [0, 0, 0, 0] });
    await here.runtime.advance(1_000);
    expect([...disk.entries.keys()].filter((key) => key.startsWith("try/"))).toEqual([]);
  });
});
