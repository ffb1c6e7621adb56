import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as keptLimits from "../../../src/kept-limits.js";
import * as limits from "../../../src/limits.js";
import { createMemoryStore } from "../../../src/store/memory.js";
import { createDisk } from "../../store/disk.js";
import { openDesk, type Reply, turn } from "./fixtures.js";

beforeAll(() => import("../../../src/patterns/idempotency/keyed.js"));

const defer = <T>() => {
  const settle: { resolve?: (value: T) => void; reject?: (error: unknown) => void } = {};
  const promise = new Promise<T>((resolve, reject) => {
    settle.resolve = resolve;
    settle.reject = reject;
  });
  return { promise, resolve: (value: T) => settle.resolve?.(value), reject: (error: unknown) => settle.reject?.(error) };
};

const settledYet = async (promise: Promise<unknown>): Promise<boolean> => {
  for (let i = 0; i < 5; i++) await turn();
  return Promise.race([promise.then(() => true), Promise.resolve(false)]);
};

describe.each(["memory", "a store in memory", "a disk"])("keys, kept in %s", (kind) => {
  const storeOf = () => (kind === "memory" ? {} : { store: kind === "a disk" ? createDisk().open() : createMemoryStore() });

  test("G-85 the same key runs once: who comes meanwhile waits, who comes later gets the reply that is kept", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    const gate = defer<void>();
    desk.handle("work", async (input) => {
      runs++;
      await gate.promise;
      return { input, runs };
    });
    const first = desk.ask({ key: "a", input: 7 });
    const second = desk.ask({ key: "a", input: 7 });
    const elsewhere = desk.ask({ key: "a", input: 7, link: desk.linkTo("bob") });
    expect(await settledYet(second.reply)).toBe(false);
    gate.resolve();
    const expected = { type: "response", payload: { input: 7, runs: 1 } };
    for (const { reply } of [first, second, elsewhere, desk.ask({ key: "a", input: 7 })]) expect(await reply).toMatchObject(expected);
    expect(runs).toBe(1);
    expect(await desk.ask({ key: "b", input: 7 }).reply).toMatchObject({ payload: { runs: 2 } });
    expect(await desk.ask({ input: 7 }).reply).toMatchObject({ payload: { runs: 3 } });
    expect(desk.used).toBe(0);
    expect(desk.server.running).toBe(0);
    await desk.server.idle();
  });

  test("TM-169 a key belongs to the peer agent that used it: another one's is another operation", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    desk.handle("work", () => ++runs);
    expect(await desk.ask({ peer: "bob", key: "a" }).reply).toMatchObject({ payload: 1 });
    expect(await desk.ask({ peer: "carol", key: "a" }).reply).toMatchObject({ payload: 2 });
    expect(await desk.ask({ peer: "bob", key: "a" }).reply).toMatchObject({ payload: 1 });
  });

  test("TM-169 two peers that use one key at the same time wait for nothing of each other", async () => {
    const desk = await openDesk(storeOf());
    const gates = [defer<string>(), defer<string>()];
    let runs = 0;
    desk.handle("work", () => gates[runs++]?.promise);
    const bobs = desk.ask({ peer: "bob", key: "a", input: 1 });
    const carols = desk.ask({ peer: "carol", key: "a", input: 1 });
    expect(await settledYet(carols.reply)).toBe(false);
    expect(runs).toBe(2);
    gates[0]?.resolve("for bob");
    gates[1]?.resolve("for carol");
    expect(await bobs.reply).toMatchObject({ payload: "for bob" });
    expect(await carols.reply).toMatchObject({ payload: "for carol" });
  });

  test("G-86 the same key with other content is refused, while the first runs and when it is over", async () => {
    const desk = await openDesk(storeOf());
    const gate = defer<void>();
    let runs = 0;
    desk.handle("work", () => {
      runs++;
      return gate.promise;
    });
    desk.handle("rest", () => ++runs);
    const first = desk.ask({ key: "a", input: 1 });
    const others = [{ input: 2 }, { method: "rest" }, { type: "notification" as const }, { input: new Uint8Array(1) }];
    for (const other of others) expect((await desk.ask({ key: "a", input: 1, ...other }).reply).code).toBe("idempotency_conflict");
    gate.resolve();
    await first.reply;
    for (const other of others) expect((await desk.ask({ key: "a", input: 1, ...other }).reply).code).toBe("idempotency_conflict");
    expect(runs).toBe(1);
  });

  test("bytes, null and nothing come back as they were, whatever the handler does to them afterwards", async () => {
    const desk = await openDesk(storeOf());
    const bytes = Uint8Array.of(1, 2, 3);
    desk.handle("bytes", () => bytes);
    desk.handle("null", () => null);
    desk.handle("nothing", () => undefined);
    for (const [method, payload] of [
      ["bytes", Uint8Array.of(1, 2, 3)],
      ["null", null],
      ["nothing", undefined],
    ] as const) {
      const first = desk.ask({ key: method, method }).reply;
      if (method === "bytes") {
        await turn();
        expect((await first).payload).toEqual(payload);
        bytes.fill(9);
      }
      expect((await first).type).toBe("response");
      expect((await desk.ask({ key: method, method }).reply).payload).toEqual(payload);
    }
  });

  test("what a handler threw for good is kept; what trying again may change is not", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    let error: unknown;
    desk.handle("work", () => {
      runs++;
      throw error;
    });
    const cases: [unknown, string, boolean][] = [
      [new Error("secret"), "handler_failed", true],
      [new TightbeamError("invalid_input", "no"), "invalid_input", true],
      [new TightbeamError("handler_failed", "why", { retryable: true }), "handler_failed", false],
      [new TightbeamError("overloaded", "later", { retryAfter: 5 }), "overloaded", false],
      [new TightbeamError("rate_limited", "later", { retryAfter: 5 }), "rate_limited", false],
      [new TightbeamError("unavailable", "down"), "unavailable", false],
      [new TightbeamError("timeout", "late"), "timeout", false],
    ];
    for (const [index, [thrown, code, kept]] of cases.entries()) {
      error = thrown;
      runs = 0;
      for (let i = 0; i < 2; i++) expect((await desk.ask({ key: `k${index}` }).reply).code).toBe(code);
      expect([code, runs]).toEqual([code, kept ? 1 : 2]);
    }
    expect((await desk.ask({ key: "none", method: "nobody" }).reply).code).toBe("no_handler");
    desk.handle("nobody", () => 5);
    expect((await desk.ask({ key: "none", method: "nobody" }).reply).payload).toBe(5);
  });

  test("a notification's success is kept, its failure is not: the next one runs", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    let fails = true;
    const gate = defer<void>();
    desk.handle("work", async () => {
      runs++;
      await gate.promise;
      if (!fails) return;
      fails = false;
      throw new Error("no");
    });
    const [first, second, third] = [1, 2, 3].map(() => desk.ask({ key: "a", type: "notification" }).reply);
    gate.resolve();
    expect((await first)?.type).toBe("refused");
    expect((await second)?.type).toBe("ok");
    expect((await third)?.type).toBe("ok");
    expect((await desk.ask({ key: "a", type: "notification" }).reply).type).toBe("ok");
    expect(runs).toBe(2);
  });

  test("a thousand notifications that wait for one that fails run one after the other, and none stands on another", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    const gate = defer<void>();
    desk.handle("work", () => {
      if (++runs === 1) return gate.promise;
      throw new Error("no");
    });
    const all = Array.from({ length: 1_000 }, () => desk.ask({ key: "a", type: "notification" }).reply);
    await turn();
    gate.reject(new Error("no"));
    for (const reply of all) expect((await reply).type).toBe("refused");
    expect(runs).toBe(1_000);
    expect(desk.used).toBe(0);
    await desk.server.idle();
  });

  test("the one who leaves takes nothing from those who wait; the last one fires the signal, and the next one may run", async () => {
    const desk = await openDesk(storeOf());
    const gates: ReturnType<typeof defer<string>>[] = [];
    const signals: AbortSignal[] = [];
    desk.handle("work", (_, { signal }) => {
      signals.push(signal);
      const gate = defer<string>();
      gates.push(gate);
      signal.addEventListener("abort", () => gate.reject(new TightbeamError("cancelled", "as told")));
      return gate.promise;
    });
    const first = desk.ask({ key: "a" });
    const second = desk.ask({ key: "a", link: desk.linkTo("bob") });
    await settledYet(first.reply);
    desk.server.cancel(first.link, first.id);
    expect(signals[0]?.aborted).toBe(false);
    gates[0]?.resolve("done");
    expect(await second.reply).toMatchObject({ payload: "done" });

    const third = desk.ask({ key: "b" });
    const fourth = desk.ask({ key: "b" });
    await settledYet(third.reply);
    desk.server.cancel(third.link, third.id);
    desk.server.cancel(fourth.link, fourth.id);
    expect(signals[1]?.aborted).toBe(true);
    // It comes when the handler has been told, and before it has heeded it.
    const fifth = desk.ask({ key: "b" });
    await settledYet(third.reply);
    expect(signals).toHaveLength(3);
    gates[2]?.resolve("at last");
    expect(await fifth.reply).toMatchObject({ payload: "at last" });
    expect(await desk.ask({ key: "b" }).reply).toMatchObject({ payload: "at last" });
    expect(desk.used).toBe(0);
    await desk.server.idle();
  });

  test.each(["its caller leaves", "its link ends"])(
    "one that came first, whose keys are still being read: when %s meanwhile, it never runs, and its key is free",
    async (how) => {
      const desk = await openDesk(storeOf());
      const ran: string[] = [];
      desk.handle("work", (_input, { signal }) => void ran.push(`${signal.aborted}`));
      const first = desk.ask({ key: "a" });
      const note = desk.ask({ key: "b", type: "notification" });
      expect(ran).toEqual([]);
      if (how === "its link ends") desk.server.linkEnded(first.link, new TightbeamError("delivery_unknown", "gone"));
      else desk.server.cancel(first.link, first.id);
      await turn();
      await turn();
      // What was only told is for us all the same.
      expect((await note.reply).type).toBe("ok");
      expect(ran).toEqual(["false"]);
      expect(desk.server.running).toBe(0);
      await desk.server.idle();
      expect((await desk.ask({ key: "a", peer: "bob", link: desk.linkTo("bob") }).reply).type).toBe("response");
      expect(ran).toHaveLength(2);
    },
  );

  test("one that waited is looked at again before it runs instead: it may be too old by then", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    const gate = defer<number>();
    desk.handle("work", () => {
      runs++;
      return gate.promise;
    });
    const first = desk.ask({ key: "a", ttl: 10_000 });
    await settledYet(first.reply);
    desk.server.cancel(first.link, first.id);
    const second = desk.ask({ key: "a", ttl: 1_000 });
    await settledYet(first.reply);
    await desk.runtime.advance(2_000);
    gate.reject(new Error("as it was told to"));
    expect((await second.reply).code).toBe("expired");
    expect(runs).toBe(1);
  });

  test("a handler that ends well although nobody waits is not run again", async () => {
    const desk = await openDesk(storeOf());
    let runs = 0;
    const gate = defer<number>();
    desk.handle("work", () => {
      runs++;
      return gate.promise;
    });
    const first = desk.ask({ key: "a" });
    await settledYet(first.reply);
    desk.server.cancel(first.link, first.id);
    // Given up long before it settles.
    await desk.runtime.advance(limits.abandonedMs + 1);
    expect(desk.server.running).toBe(0);
    const second = desk.ask({ key: "a" });
    expect(await settledYet(second.reply)).toBe(false);
    gate.resolve(5);
    expect(await second.reply).toMatchObject({ payload: 5 });
    expect(await desk.ask({ key: "a" }).reply).toMatchObject({ payload: 5 });
    expect(runs).toBe(1);
  });

  test("a reply is kept for so long", async () => {
    const desk = await openDesk({ ...storeOf(), options: { keep: 10_000 } });
    let runs = 0;
    desk.handle("work", () => ++runs);
    await desk.ask({ key: "a" }).reply;
    await desk.runtime.advance(9_000);
    expect((await desk.ask({ key: "a" }).reply).payload).toBe(1);
    await desk.runtime.advance(1_500);
    expect((await desk.ask({ key: "a" }).reply).payload).toBe(2);
  });

  test("TM-170 a peer's keys are bounded: the oldest replies go, none that is live, and new keys wait until there is room", async () => {
    const desk = await openDesk({ ...storeOf(), options: { keys: 4, live: 5_000 } });
    let runs = 0;
    desk.handle("work", (input) => [input, ++runs]);
    for (const key of ["a", "b", "c", "d"]) await desk.ask({ key }).reply;
    const refused = await desk.ask({ key: "e" }).reply;
    expect(refused.code).toBe("overloaded");
    expect(refused.retryAfter).toBeGreaterThanOrEqual(limits.overloadedMinMs);
    expect(refused.retryAfter).toBeLessThanOrEqual(limits.overloadedMaxMs);
    expect((await desk.ask({ peer: "carol", key: "e" }).reply).payload).toEqual([1, 5]);
    for (const [index, key] of ["a", "b", "c", "d"].entries()) expect((await desk.ask({ key }).reply).payload).toEqual([1, index + 1]);
    await desk.runtime.advance(5_000);
    expect((await desk.ask({ key: "e" }).reply).payload).toEqual([1, 6]);
    expect((await desk.ask({ key: "b" }).reply).payload).toEqual([1, 2]);
    expect((await desk.ask({ key: "a" }).reply).payload).toEqual([1, 7]);
  });

  test("TM-170 calls that wait for one reply are bounded, in number and in memory", async () => {
    const desk = await openDesk(storeOf());
    const gate = defer<number>();
    desk.handle("work", () => gate.promise);
    const first = desk.ask({ key: "a" });
    await settledYet(first.reply);
    const waiting = Array.from({ length: keptLimits.idempotencyWaiting }, () => desk.ask({ key: "a" }).reply);
    expect((await desk.ask({ key: "a" }).reply).code).toBe("overloaded");
    const large = desk.ask({ peer: "carol", key: "a", input: "x".repeat(600_000) });
    await settledYet(large.reply);
    const second = desk.ask({ peer: "carol", key: "a", input: "x".repeat(600_000) });
    expect((await settledYet(second.reply)) ? "told" : "waits").toBe("waits");
    expect((await desk.ask({ peer: "carol", key: "a", input: "x".repeat(600_000) }).reply).code).toBe("overloaded");
    gate.resolve(3);
    for (const reply of [first.reply, ...waiting, second.reply]) expect((await reply).payload).toBe(3);
    expect(desk.used).toBe(0);
  });

  test("a reply that is larger than what is kept says so, and its operation is not done again", async () => {
    const desk = await openDesk({ ...storeOf(), options: { bytes: 4_000 } });
    let runs = 0;
    desk.handle("work", () => {
      runs++;
      return "x".repeat(5_000);
    });
    expect((await desk.ask({ key: "a" }).reply).payload).toHaveLength(5_000);
    expect((await desk.ask({ key: "a" }).reply).code).toBe("too_large");
    expect(runs).toBe(1);
  });

  test("when the agent closes, what waits is told so; when it drains, it waits for those too", async () => {
    const desk = await openDesk(storeOf());
    const gate = defer<number>();
    desk.handle("work", (_, { signal }) => {
      signal.addEventListener("abort", () => gate.reject(signal.reason));
      return gate.promise;
    });
    const first = desk.ask({ key: "a" });
    const second = desk.ask({ key: "a" });
    await settledYet(first.reply);
    desk.server.drain();
    let idle = false;
    void desk.server.idle().then(() => (idle = true));
    await settledYet(first.reply);
    expect(idle).toBe(false);
    desk.server.stop(new TightbeamError("closed", "it ends"));
    expect((await second.reply).code).toBe("closed");
    expect((await first.reply).code).toBe("closed");
    await settledYet(first.reply);
    expect(idle).toBe(true);
  });

  test("calls that need a place wait for it as others do, and one that is withdrawn lets the next one run", async () => {
    const desk = await openDesk({ ...storeOf(), limits: { running: 1, queued: 2 } });
    const gate = defer<number>();
    let runs = 0;
    desk.handle("work", () => {
      runs++;
      return gate.promise;
    });
    const first = desk.ask({});
    const second = desk.ask({ key: "a" });
    const third = desk.ask({ key: "b" });
    await settledYet(second.reply);
    expect((await desk.ask({ key: "c" }).reply).code).toBe("overloaded");
    desk.server.cancel(second.link, second.id);
    const fourth = desk.ask({ key: "a" });
    gate.resolve(1);
    for (const { reply } of [first, third, fourth]) expect((await reply).payload).toBe(1);
    expect(runs).toBe(3);
    // What was refused for want of a place is not kept.
    expect((await desk.ask({ key: "c" }).reply).payload).toBe(1);
  });

  test("whatever is asked in whatever order, a key runs once and every repetition has its reply", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      peer: fc.constantFrom("bob", "carol"),
      input: fc.constantFrom(1, 2),
      wait: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const desk = await openDesk(storeOf());
        const ran = new Map<string, number>();
        desk.handle("work", async (input, context) => {
          const name = `${context.peer.id} ${context.idempotencyKey}`;
          expect(ran.has(name)).toBe(false);
          ran.set(name, input as number);
          await turn();
          return [name, input];
        });
        const asked: [string, number, Promise<Reply>][] = [];
        for (const { key, peer, input, wait } of steps) {
          asked.push([`${peer} ${key}`, input, desk.ask({ key, peer, input }).reply]);
          for (let i = 0; i < wait; i++) await turn();
        }
        for (const [name, input, reply] of asked) {
          if (ran.get(name) === undefined || ran.get(name) === input) expect((await reply).payload).toEqual([name, input]);
          else expect((await reply).code).toBe("idempotency_conflict");
        }
      }),
      { numRuns: 25 },
    );
  });
});

test.each([[{ keep: 0 }], [{ keys: keptLimits.idempotencyKeysMax + 1 }], [{ bytes: 1.5 }], [{ live: -1 }], [{ kept: 1 }], ["on"], [null]])(
  "an option that is wrong or unknown is refused: %j",
  async (options) => {
    await expect(openDesk({ options: options as never })).rejects.toMatchObject({ code: "invalid_argument" });
  },
);
