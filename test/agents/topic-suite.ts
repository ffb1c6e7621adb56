import { type AgentEvent, type EventContext, TightbeamError, topic } from "@tightbeam/core";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type AgentSuiteOptions, howRun, testIn } from "./place.js";
import { failure, until } from "./settling.js";

const progress = topic("jobs.progress", z.object({ percent: z.number() }));

/** What publishers and subscribers do with each other, whatever carries it. */
export function topicSuite(options: AgentSuiteOptions): void {
  describe(`topics over ${options.name}`, howRun(options), () => {
    const test = testIn(options);

    test("a typed event reaches its subscriber, who knows from whom it is", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: unknown[] = [];
      const events: AgentEvent[] = [];
      bob.onEvent((event) => void events.push(event));
      const subscription = await bob.subscribe(
        progress,
        ({ percent }, { topic: of, peer, headers, priority, replayed, id }) => {
          seen.push({ percent, of, peer: peer.id, instance: peer.instance, headers: { ...headers }, priority, replayed, id: id.length });
        },
        { from: ["alice"], ready: 1 },
      );
      expect(subscription.publishers).toEqual([{ id: "alice", instance: alice.instance }]);
      expect(events).toContainEqual({ type: "subscribed", pattern: "jobs.progress", peer: "alice", instance: alice.instance });
      await alice.publish(progress, { percent: 40 }, { headers: { "x-job": "7" }, priority: "high" });
      await until(() => seen.length === 1);
      const expected = {
        percent: 40,
        of: "jobs.progress",
        peer: "alice",
        instance: alice.instance,
        headers: { "x-job": "7" },
        priority: "high",
        replayed: false,
      };
      expect(seen).toEqual([{ ...expected, id: 36 }]);
      expect(alice.topics()).toEqual([{ topic: "jobs.progress", subscribers: 1, published: 1, retained: 0 }]);
      expect(alice.subscribers(progress)).toEqual([
        { id: "bob", instance: bob.instance, patterns: ["jobs.progress"], queued: 0, queuedBytes: 0, sent: 1, dropped: 0, slow: false },
      ]);
    });

    test("G-40 everything published after SUBSCRIBED arrives, in order, through cuts of the medium", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      const seen: unknown[] = [];
      // A broker killed between its INFO and its first PONG costs its client the whole `connectTimeout`: no slow subscriber here.
      alice.publishes("numbers", { patience: 20_000 });
      await bob.subscribe("numbers", (event) => void seen.push(event), { from: ["alice"], ready: 1 });
      const total = 3_000;
      const publishing = (async () => {
        for (let index = 0; index < total; index++) {
          await alice.publish("numbers", index);
          if (index % 500 === 499) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })();
      for (let round = 0; round < 3; round++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await here.cut();
        await new Promise((resolve) => setTimeout(resolve, 40));
        await here.restore();
      }
      await publishing;
      await until(() => seen.length >= total);
      expect(seen).toEqual(Array.from({ length: total }, (_, index) => index));
    });

    test("payloads arrive as they were, to each of many subscribers, who may change what they got", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      const others = [bob, await here.join("carol"), await here.join("dave")];
      const values = [{ a: [1, "zwei", { b: null }] }, "text", 17.5, null, undefined, Uint8Array.from({ length: 300 }, (_, i) => i), new Uint8Array(100_000)];
      const got = others.map((): unknown[] => []);
      for (const [index, each] of others.entries()) {
        await each.subscribe("values", (event) => void got[index]?.push(event), { from: ["alice"], ready: 1 });
        await each.subscribe(">", (event) => (event instanceof Uint8Array ? event.fill(9) : undefined), { from: ["alice"], ready: 1 });
      }
      for (const value of values) await alice.publish("values", value);
      await until(() => got.every(({ length }) => length === values.length));
      const shown = (list: readonly unknown[]): unknown[] => list.map((each) => (each instanceof Uint8Array ? Buffer.from(each).toString("base64") : each));
      for (const each of got) expect(shown(each)).toEqual(shown(values));
    });

    test("G-44 patterns choose topics; a filter chooses events; unsubscribe ends it at once", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: string[] = [];
      const note =
        (label: string) =>
        (event: unknown, { topic: of }: EventContext): void =>
          void seen.push(`${label} ${of} ${String(event)}`);
      const options = { from: ["alice"], ready: 1 };
      const one = await bob.subscribe("a.*", note("one"), options);
      const rest = await bob.subscribe("a.>", note("rest"), { ...options, filter: (event) => event !== 3 });
      for (const [of, event] of [
        ["a", 1],
        ["a.b", 2],
        ["a.b", 3],
        ["a.b.c", 4],
        ["a/b", 5],
        ["b.a", 6],
      ] as const)
        await alice.publish(of, event);
      await until(() => seen.length === 4);
      expect(seen).toEqual(["one a.b 2", "rest a.b 2", "one a.b 3", "rest a.b.c 4"]);
      expect(rest.counters.received).toBe(2);
      await one.unsubscribe();
      await one.unsubscribe();
      expect(alice.subscribers("a.b")).toMatchObject([{ patterns: ["a.>"] }]);
      await alice.publish("a.b", 7);
      await until(() => seen.length === 5);
      expect(seen.at(-1)).toBe("rest a.b 7");
      await rest.unsubscribe();
      expect(alice.subscribers("a.b")).toEqual([]);
    });

    test("G-41 a late subscriber asks for the last events and gets them before the new ones, once", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.publishes("log.a", { retain: 5 });
      alice.publishes("log.b", { retain: 5 });
      for (let index = 0; index < 8; index++) await alice.publish(index % 2 ? "log.b" : "log.a", index);
      const first: unknown[] = [];
      const second: unknown[] = [];
      // Has no replay, and brings to the same agent what the second one must not take for its own.
      await bob.subscribe("log.>", (event) => void first.push(event), { from: ["alice"], ready: 1 });
      const publishing = (async () => {
        for (let index = 8; index < 60; index++) await alice.publish(index % 2 ? "log.b" : "log.a", index);
      })();
      await bob.subscribe("log.*", (event, { replayed }) => void second.push([event, replayed]), { from: ["alice"], ready: 1, replay: 3 });
      await publishing;
      await alice.publish("log.a", "end");
      await until(() => first.at(-1) === "end" && (second.at(-1) as unknown[] | undefined)?.[0] === "end");
      expect(first).toEqual([...Array.from({ length: 52 }, (_, index) => index + 8), "end"]);
      const numbers = second.slice(0, -1).map((each) => (each as number[])[0] as number);
      const from = numbers[0] as number;
      expect(numbers).toEqual(Array.from({ length: 60 - from }, (_, index) => from + index));
      expect(second.map((each) => (each as unknown[])[1])).toEqual([true, true, true, ...numbers.slice(3).map(() => false), false]);
    });

    test("G-43 a handler that takes its time gets one after the other, and holds its publisher back without a loss", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.publishes("work", { queue: { events: 8 }, patience: 20_000 });
      let running = 0;
      let most = 0;
      const seen: unknown[] = [];
      const handler = async (event: unknown): Promise<void> => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        seen.push(event);
      };
      await bob.subscribe("work", handler, { from: ["alice"], ready: 1, queue: 1_000 });
      let ahead = 0;
      for (let index = 0; index < 100; index++) {
        await alice.publish("work", index);
        ahead = Math.max(ahead, index + 1 - seen.length);
      }
      await until(() => seen.length === 100);
      expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index));
      expect(most).toBe(1);
      // The publisher's queue, the credit, and the one that runs.
      expect(ahead).toBeLessThan(40);
      expect(alice.subscribers("work")).toMatchObject([{ dropped: 0, slow: false }]);
    });

    test("G-43 who stands still loses what the topic's policy says, all of it counted and told; who does not gets everything", async ({ place }) => {
      const here = await place();
      const alice = await here.join("alice", { presence: false });
      const told: string[] = [];
      alice.onEvent((event) => void (event.type === "subscriber_slow" && event.slow && told.push(`${event.peer} ${event.topic}`)));
      const policies = { bob: "drop-oldest", carol: "drop-newest", dave: "disconnect" } as const;
      let open = (): void => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const join = async (id: string) => {
        const agent = await here.join(id, { presence: false });
        const ended: unknown[] = [];
        agent.onEvent((event) => void (event.type === "unsubscribed" && ended.push([event.pattern, event.peer])));
        return { agent, ended, got: [] as unknown[] };
      };
      const options = { from: ["alice"], ready: 1, timeout: 25_000 };
      const stuck = async (id: keyof typeof policies) => {
        alice.publishes(`to.${id}`, { queue: { events: 8 }, patience: 20, slow: policies[id] });
        const one = await join(id);
        const take = async (event: unknown): Promise<void> => {
          await gate;
          one.got.push(event);
        };
        await one.agent.subscribe(`to.${id}`, take, { ...options, queue: 500 });
        return one;
      };
      const [bob, carol, dave, quick] = await Promise.all([stuck("bob"), stuck("carol"), stuck("dave"), join("quick")]);
      await quick.agent.subscribe("to.*", (event) => void quick.got.push(event), options);
      const total = 30;
      for (let index = 0; index < total; index++) {
        await Promise.all(["bob", "carol", "dave"].map((id) => alice.publish(`to.${id}`, index, { timeout: 60_000 })));
        // On a medium that loses frames it is not to be taken for a slow one.
        await until(() => quick.got.length === 3 * (index + 1));
      }
      expect(quick.got).toEqual(Array.from({ length: 3 * total }, (_, index) => Math.floor(index / 3)));
      await until(() => dave.ended.length === 1);
      expect(dave.ended).toEqual([["to.dave", "alice"]]);
      expect(alice.subscribers("to.dave").map(({ id }) => id)).toEqual(["quick"]);
      open();
      const of = (id: string) => alice.subscribers(`to.${id}`).find((each) => each.id === id);
      for (const [id, { got, ended }] of [
        ["bob", bob],
        ["carol", carol],
      ] as const) {
        await until(() => got.length + (of(id)?.dropped ?? 0) === total);
        expect(of(id)?.dropped).toBeGreaterThan(0);
        expect([got, ended]).toEqual([(got as number[]).toSorted((a, b) => a - b), []]);
      }
      expect([bob.got.at(-1), carol.got[0]]).toEqual([total - 1, 0]);
      expect(carol.got.length).toBeLessThan(total);
      expect(dave.got.length).toBeLessThan(total);
      expect(new Set(told)).toEqual(new Set(["bob to.bob", "carol to.carol", "dave to.dave"]));
    });

    test("G-42 who comes back as a new instance is subscribed to again", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      const seen: unknown[] = [];
      const subscription = await bob.subscribe("news", (event) => void seen.push(event), { from: ["alice"], ready: 1 });
      await alice.close();
      await until(() => subscription.publishers.length === 0);
      const again = await here.join("alice");
      await until(() => subscription.publishers.length === 1);
      expect(subscription.publishers).toEqual([{ id: "alice", instance: again.instance }]);
      await again.publish("news", "back");
      await until(() => seen.length === 1);
    });

    for (const first of ["the subscriber", "the publisher"] as const) {
      test(`two that never named each other find each other: ${first} came first`, async ({ place }) => {
        const here = await place();
        const presence = { every: 500 };
        const seen: unknown[] = [];
        const subscribe = async (): Promise<void> => {
          const bob = await here.join("bob", { presence });
          await bob.subscribe("weather.*", (event, { peer }) => void seen.push([event, peer.id]));
        };
        if (first === "the subscriber") await subscribe();
        const alice = await here.join("alice", { presence });
        alice.publishes("weather.berlin");
        if (first === "the publisher") await subscribe();
        await until(() => alice.subscribers("weather.berlin").length === 1);
        await alice.publish("weather.berlin", "rain");
        await until(() => seen.length === 1);
        expect(seen).toEqual([["rain", "alice"]]);
      });
    }

    test("who is linked already is subscribed to once it says that it publishes, and not before", async ({ pair }) => {
      const { alice, bob } = await pair({ alice: { presence: false }, bob: { presence: false } });
      const seen: unknown[] = [];
      const asked: unknown[] = [];
      alice.onEnvelope(({ method, type }) => void (type === "request" && asked.push(method)));
      await bob.link("alice");
      const subscription = await bob.subscribe("late", (event) => void seen.push(event));
      alice.handle("echo", (input) => input);
      await bob.request("alice", "echo", 1);
      expect([asked, subscription.publishers]).toEqual([["echo"], []]);
      alice.publishes("late");
      await subscription.ready();
      await alice.publish("late", 1);
      await until(() => seen.length === 1);
    });

    test("middleware sees events before their schema and handler", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: unknown[] = [];
      bob.use(async ({ kind, name: of, peer, input }, next) => {
        seen.push([kind, of, peer.id, input]);
        if (input !== "stop") return next({ percent: Number(input) });
      });
      await bob.subscribe(progress, ({ percent }) => void seen.push(percent), { from: ["alice"], ready: 1 });
      for (const each of ["1", "stop", "3"]) await alice.publish("jobs.progress", each);
      await until(() => seen.length === 5);
      const of = (input: string): unknown[] => ["event", "jobs.progress", "alice", input];
      expect(seen).toEqual([of("1"), 1, of("stop"), of("3"), 3]);
    });

    test("TM-128: permissions count on both ends: who may not publish is not heard, who may not subscribe is refused, a wildcard brings what is permitted", async ({
      place,
    }) => {
      const here = await place();
      const token = (id: string, permissions: string[]) => here.authority.enroll(id, { permissions: ["transport:presence:_", ...permissions] });
      const alice = await here.join("alice", { identity: await token("alice", ["publish:open", "publish:closed"]), policy: "token" });
      const bob = await here.join("bob", { identity: await token("bob", ["subscribe:open", "subscribe:forged"]), policy: "token" });
      const seen: unknown[] = [];
      const refused: unknown[] = [];
      bob.onEvent((event) => void (event.type === "refused" && refused.push(event.error.code)));
      const options = { from: ["alice"], ready: 1 };
      const denied = await failure(bob.subscribe("closed", () => undefined, options));
      expect([denied.code, (await failure(bob.subscribe("nowhere", () => undefined, options))).code]).toEqual(["forbidden", "forbidden"]);
      await bob.subscribe(">", (event, { topic: of }) => void seen.push([of, event]), options);
      for (const of of ["closed", "forged", "open"]) await alice.publish(of, 1);
      await until(() => seen.length === 1);
      expect([seen, refused]).toEqual([[["open", 1]], ["forbidden"]]);
      expect(alice.subscribers("closed")).toEqual([]);
      expect(alice.subscribers("open")).toMatchObject([{ id: "bob", patterns: [">"] }]);
    });

    test("a handler that fails is reported, and the next event comes", async ({ pair }) => {
      const { alice, bob } = await pair();
      const failures: unknown[] = [];
      const seen: unknown[] = [];
      bob.onEvent((event) => {
        if (event.type === "handler_failed") failures.push([event.method, event.peer, (event.error as TightbeamError).code ?? (event.error as Error).message]);
      });
      await bob.subscribe(
        progress,
        ({ percent }) => {
          if (percent === 1) throw new Error("one");
          if (percent === 2) return Promise.reject(new Error("two"));
          return void seen.push(percent);
        },
        { from: ["alice"], ready: 1 },
      );
      expect((await failure(alice.publish(progress, { percent: "40" } as unknown as { percent: number }))).code).toBe("invalid_input");
      await alice.publish(progress, { percent: 1 });
      await alice.publish(progress, { percent: 2 });
      await alice.publish("jobs.progress", { percent: "no number" });
      await alice.publish(progress, { percent: 3 });
      await until(() => seen.length === 1);
      expect(failures).toEqual([
        ["jobs.progress", "alice", "one"],
        ["jobs.progress", "alice", "two"],
        ["jobs.progress", "alice", "invalid_input"],
      ]);
    });

    test("what is no topic and what is no pattern is refused where it is made", async ({ pair }) => {
      const { alice, bob } = await pair();
      const bad = [
        "",
        " ",
        "a b",
        "a\r\nPUB x 1",
        "a\tb",
        "a\0b",
        "a..b",
        ".a",
        "a.",
        "$JS.API.INFO",
        "_INBOX.x",
        "$SYS.>",
        "tb/subscribe",
        "ä",
        `${"a".repeat(129)}`,
      ];
      for (const each of [...bad, ">", "*", "a.*", "a.>"]) expect((await failure(alice.publish(each, 1))).code, each).toBe("invalid_argument");
      for (const each of [...bad, ">.a", "a>", "a*", "*a", "**", "a.>.b", ">>", "tb/>", Array(1_000).fill("*").join(".")])
        expect((await failure(bob.subscribe(each, () => undefined))).code, each).toBe("invalid_argument");
      for (const wrong of [
        { replay: -1 },
        { replay: 1e9 },
        { ready: 0.5 },
        { from: [] },
        { from: ["no such agent!"] },
        { queue: 0 },
        { fitler: 1 },
        { filter: 1 },
      ])
        expect((await failure(bob.subscribe("a", () => undefined, wrong as object))).code, JSON.stringify(wrong)).toBe("invalid_argument");
      for (const wrong of [{ retain: 1e9 }, { queue: { events: 0 } }, { queue: { byts: 1 } }, { patience: Number.NaN }, { slow: "never" }, { ratain: 1 }])
        expect(() => alice.publishes("a", wrong as object), JSON.stringify(wrong)).toThrowError(TightbeamError);
      expect((await failure(alice.publish("a", 1, { confirm: "done" } as object))).code).toBe("invalid_argument");
      expect(alice.topics()).toEqual([]);
      expect(bob.links()).toEqual([]);
    });

    test("nobody answers: ready says how many did", async ({ pair }) => {
      const { bob } = await pair();
      const error = await failure(bob.subscribe("a", () => undefined, { from: ["carol"], ready: 1, timeout: 150 }));
      expect([error.code, error.message]).toEqual(["timeout", expect.stringContaining("0 of 1 publishers answered in time. Does one run")]);
    });

    test("close with drain sends what waits; afterwards nothing is taken", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: unknown[] = [];
      await bob.subscribe("last", (event) => void seen.push(event), { from: ["alice"], ready: 1 });
      for (let index = 0; index < 500; index++) await alice.publish("last", index);
      await alice.close({ drain: 25_000 });
      await until(() => seen.length === 500);
      expect((await failure(alice.publish("last", 1))).code).toBe("closed");
      expect((await failure(alice.subscribe("last", () => undefined))).code).toBe("closed");
    });
  });
}
