import { method, stream, TightbeamError, topic } from "@tightbeam/core";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type AgentSuiteOptions, howRun, testIn } from "./place.js";
import { failure, until } from "./settling.js";

const strict = method("secret.plan", { input: z.object({ plan: z.string() }), output: z.string() });

/** Who may do what, and how much of it is taken, whatever carries it. */
export function receivingSuite(options: AgentSuiteOptions): void {
  describe(`receiving over ${options.name}`, howRun(options), () => {
    const test = testIn(options);

    describe("permissions", () => {
      test("TM-115 a request without its permission is refused before handler and schema, the same whether there is a method or not", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { policy: "token" });
        const bob = await join("bob", { permissions: ["call:open"] });
        let ran = 0;
        let seen = 0;
        alice.use((_, next) => {
          seen++;
          return next();
        });
        alice.handle(strict, ({ plan }) => {
          ran++;
          return plan;
        });
        alice.handle("open", () => "open");
        const errors = [
          await failure(bob.request("alice", "secret.plan", { plan: "x" })),
          await failure(bob.request("alice", "secret.plan", { wrong: true })),
          await failure(bob.request("alice", "secret.none", { plan: "x" })),
        ];
        expect(errors.map(({ code }) => code)).toEqual(["forbidden", "forbidden", "forbidden"]);
        const texts = errors.map(({ message }) => message.replaceAll(/secret\.\w+/g, "<method>"));
        expect(new Set(texts).size).toBe(1);
        expect([ran, seen]).toEqual([0, 0]);
        expect(await bob.request("alice", "open", null)).toBe("open");
        expect(errors[0]).toMatchObject({ retryable: false, retryAfter: undefined });
      });

      test("G-22 TM-115 a notification without its permission never reaches the handler; who waits for its end learns that it did not", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { policy: "token" });
        const bob = await join("bob", { permissions: ["call:open"] });
        const heard: unknown[] = [];
        const failed: unknown[] = [];
        alice.onEvent((event) => void (event.type === "handler_failed" && failed.push((event.error as TightbeamError).code)));
        for (const name of ["open", "secret.plan"]) alice.handle(name, (input) => void heard.push(input));
        await bob.notify("alice", "secret.plan", "no");
        await bob.notify("alice", "open", "yes", { confirm: "done" });
        const refused = [
          await failure(bob.notify("alice", "secret.plan", "no", { confirm: "done" })),
          await failure(bob.notify("alice", "none", "no", { confirm: "done" })),
        ];
        expect(new Set(refused.map(({ code, message }) => code + message.replaceAll(/'.*?'/g, ""))).size).toBe(1);
        expect(heard).toEqual(["yes"]);
        expect(failed).toEqual(["forbidden", "forbidden", "forbidden"]);
      });

      test("TM-115 a stream without its permission is refused before handler, schema and middleware, the same whether there is one or not", async ({
        place,
      }) => {
        const { join } = await place();
        const alice = await join("alice", { policy: "token" });
        const bob = await join("bob", { permissions: ["call:open"] });
        let ran = 0;
        alice.use((_, next) => {
          ran++;
          return next();
        });
        const watch = stream("secret.watch", { input: z.object({ from: z.number() }), chunk: z.string() });
        alice.handle(watch, async function* () {
          ran++;
          yield "a secret";
        });
        const refused = async (name: string, input: unknown): Promise<TightbeamError> => {
          const opened = bob.stream("alice", name, input);
          const [first, second] = [await failure(opened.result), await failure(opened[Symbol.asyncIterator]().next())];
          expect(second.code).toBe(first.code);
          return first;
        };
        const errors = [await refused("secret.watch", { from: 1 }), await refused("secret.watch", { from: "x" }), await refused("secret.none", { from: 1 })];
        expect(errors.map(({ code }) => code)).toEqual(["forbidden", "forbidden", "forbidden"]);
        expect(new Set(errors.map(({ message }) => message.replaceAll(/secret\.\w+/g, "<stream>"))).size).toBe(1);
        expect(ran).toBe(0);
      });

      test("TM-115 a subscription without its permission is refused by the publisher, an event without its permission by the subscriber", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { permissions: ["publish:open"], policy: "token" });
        const bob = await join("bob", { permissions: ["subscribe:open"], policy: "token" });
        const secret = topic("secret", z.object({ plan: z.string() }));
        const heard: unknown[] = [];
        const refused: string[] = [];
        bob.onEvent((event) => void (event.type === "refused" && refused.push(event.error.code)));
        const subscribe = (to: string, by = bob) =>
          by.subscribe(to, (event, { topic: of }) => void heard.push([of, event]), { from: ["alice"], ready: 1, timeout: 25_000 });
        const errors = [await failure(subscribe("secret")), await failure(subscribe("none"))];
        expect(errors.map(({ code }) => code)).toEqual(["forbidden", "forbidden"]);
        expect(new Set(errors.map(({ message }) => message.replaceAll(/secret|none/g, "<topic>"))).size).toBe(1);
        await subscribe("open");
        // A pattern is taken; of what it matches only what is permitted comes.
        await subscribe(">");
        await alice.publish(secret, { plan: "x" });
        await alice.publish("open", 1);
        await until(() => heard.length === 2);
        expect(heard).toEqual([
          ["open", 1],
          ["open", 1],
        ]);
        // Carol may hear it, and does not believe it of alice.
        const carol = await join("carol", { permissions: ["subscribe:*"], policy: "token" });
        carol.onEvent((event) => void (event.type === "refused" && refused.push(event.error.code)));
        let validated = 0;
        const schema = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value, counted: validated++ }) } } as const;
        await carol.subscribe(topic("secret", schema as never), () => void heard.push("carol"), { from: ["alice"], ready: 1 });
        await alice.publish(secret, { plan: "x" });
        await until(() => refused.length === 1);
        expect([refused, validated, heard.length]).toEqual([["forbidden"], 0, 2]);
      });

      test("TM-122 what agents say on their own account needs no permission, and no application can say or answer it", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { policy: () => false });
        const bob = await join("bob");
        expect(() => alice.handle("tb/hello", () => 1)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
        expect(() => bob.request("alice", "tb/hello", {})).toThrow(expect.objectContaining({ code: "invalid_argument" }));
        expect((await failure(bob.request("alice", "work", {}))).code).toBe("forbidden");
        const link = await bob.link("alice");
        await until(() => link.state === "up");
      });

      test("a policy that is none is refused when the agent is made", async ({ place }) => {
        const { join } = await place();
        for (const options of [{ policy: "tokens" as never }, { limits: { running: 0 } }, { limits: { rate: { perSecond: -1 } } }]) {
          expect((await failure(join("alice", options))).code).toBe("invalid_argument");
        }
      });
    });

    describe("middleware", () => {
      test("TM-121 it runs in order, before schema and handler, and sees who asks what; each may change, answer or refuse", async ({ pair }) => {
        const { alice, bob } = await pair();
        const seen: unknown[] = [];
        alice.handle(strict, ({ plan }) => {
          seen.push("handler");
          return plan;
        });
        const first = alice.use(async (call, next) => {
          const { kind, name, input, peer, headers, priority, idempotencyKey, signal } = call;
          seen.push({ kind, name, input, peer: peer.id, headers: { ...headers }, priority, idempotencyKey, aborted: signal.aborted });
          const output = await next();
          return `${String(output)}!`;
        });
        alice.use((call, next) => {
          seen.push("second");
          if (call.input === "answer me") return "answered";
          if (call.input === "refuse me") throw new TightbeamError("forbidden", "Not you.");
          if (call.input === "break") throw new Error("a secret of mine");
          return next({ plan: `changed ${(call.input as { plan: string }).plan}` });
        });
        let asked = 0;
        const ask = (input: unknown): Promise<unknown> =>
          bob.request("alice", "secret.plan", input, { priority: "high", headers: { "x-a": "1" }, idempotencyKey: `k${++asked}` });
        expect(await ask({ plan: "A" })).toBe("changed A!");
        expect(seen).toEqual([
          {
            kind: "request",
            name: "secret.plan",
            input: { plan: "A" },
            peer: "bob",
            headers: { "x-a": "1" },
            priority: "high",
            idempotencyKey: "k1",
            aborted: false,
          },
          "second",
          "handler",
        ]);
        expect(await ask("answer me")).toBe("answered!");
        expect(await failure(ask("refuse me"))).toMatchObject({ code: "forbidden", message: "Not you." });
        const broken = await failure(ask("break"));
        expect(broken.code).toBe("handler_failed");
        expect(broken.message).not.toContain("secret of mine");
        first();
        first();
        expect(await ask({ plan: "A" })).toBe("changed A");
      });

      test("TM-121 it stands before the answer that there is no handler, and before the fallback", async ({ pair }) => {
        const { alice, bob } = await pair();
        let seen = 0;
        alice.use((call, next) => {
          seen++;
          return call.name === "locked" ? Promise.reject(new TightbeamError("forbidden", "Locked.")) : next();
        });
        expect((await failure(bob.request("alice", "none", null))).code).toBe("no_handler");
        expect((await failure(bob.notify("alice", "none", null, { confirm: "done" }))).code).toBe("no_handler");
        const end = alice.fallback((input, { method: name }) => ({ name, input }));
        expect(() => alice.fallback(() => undefined)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
        expect(await bob.request("alice", "none", 7)).toEqual({ name: "none", input: 7 });
        expect((await failure(bob.request("alice", "locked", 7))).code).toBe("forbidden");
        end();
        expect((await failure(bob.request("alice", "none", 7))).code).toBe("no_handler");
        expect(seen).toBe(5);
      });

      test("TM-121 a call is handled once: next() twice is an error, and its input is validated after the last of them", async ({ pair }) => {
        const { alice, bob } = await pair();
        let ran = 0;
        alice.handle(strict, ({ plan }) => {
          ran++;
          return plan;
        });
        const remove = alice.use(async (_, next) => {
          await next();
          return next();
        });
        expect((await failure(bob.request("alice", strict, { plan: "A" }))).code).toBe("invalid_argument");
        expect(ran).toBe(1);
        remove();
        alice.use((_, next) => next({ plan: 4711 }));
        const refused = await failure(bob.request("alice", strict, { plan: "A" }));
        expect(refused).toMatchObject({ code: "invalid_input", message: expect.stringMatching(/plan.*string/) });
        expect(ran).toBe(1);
        expect(() => alice.use("log" as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
      });

      test("its signal fires when the caller gives up, and a call keeps the chain it began with", async ({ pair }) => {
        const { alice, bob } = await pair();
        let fired = false;
        let open = (): void => undefined;
        alice.handle("work", () => new Promise<void>((resolve) => (open = resolve)));
        const seen: string[] = [];
        alice.use((call, next) => {
          call.signal.addEventListener("abort", () => (fired = true));
          return next();
        });
        alice.use(async (_, next) => {
          seen.push("began");
          await next();
          seen.push("ended");
        });
        const controller = new AbortController();
        const asked = failure(bob.request("alice", "work", null, { signal: controller.signal }));
        await until(() => seen.length === 1);
        alice.use(() => seen.push("later"));
        controller.abort();
        expect((await asked).code).toBe("delivery_unknown");
        await until(() => fired);
        open();
        await until(() => seen.length === 2);
        expect(seen).toEqual(["began", "ended"]);
      });
    });

    describe("how many and how often", () => {
      test("G-61 TM-118 a storm of requests: some run, some wait, the rest is refused with a time; each has one outcome", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { limits: { running: 4, queued: 20 } });
        // Of several peers: one alone holds at most three in four of the queue.
        const peers = [await join("bob"), await join("carol")];
        let open = (): void => undefined;
        const gate = new Promise<void>((resolve) => (open = resolve));
        alice.handle("work", () => gate);
        for (const peer of peers) await peer.link("alice");
        let refused = 0;
        const ask = async (_: unknown, index: number): Promise<string> => {
          try {
            await peers[index % 2]?.request("alice", "work", null);
            return "ok";
          } catch (error) {
            refused++;
            expect((error as TightbeamError).retryAfter).toBeGreaterThanOrEqual(100);
            return (error as TightbeamError).code;
          }
        };
        const outcomes = Promise.all(Array.from({ length: 500 }, ask));
        await until(() => refused === 476);
        expect(alice.status().calls).toMatchObject({ running: 4, queued: 20 });
        open();
        const codes = await outcomes;
        expect(codes.filter((code) => code === "ok")).toHaveLength(24);
        expect(codes.filter((code) => code === "overloaded")).toHaveLength(476);
        expect(alice.status().calls).toMatchObject({ running: 0, queued: 0 });
      });

      test("TM-120 rate_limited says when to come again, and others are not held back", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { limits: { rate: { perSecond: 0.01, burst: 3 } } });
        const [bob, carol] = [await join("bob"), await join("carol")];
        alice.handle("work", () => "done");
        for (let i = 0; i < 3; i++) expect(await bob.request("alice", "work", null)).toBe("done");
        const refused = await failure(bob.request("alice", "work", null));
        expect(refused).toMatchObject({ code: "rate_limited", retryable: true });
        // As long as the test takes until here, a hundredth of it is there again.
        expect(refused.retryAfter).toBeGreaterThan(50_000);
        expect(refused.retryAfter).toBeLessThanOrEqual(100_000);
        expect(await carol.request("alice", "work", null)).toBe("done");
      });

      test("a peer sees how much is taken from it", async ({ place }) => {
        const { join } = await place();
        await join("alice", { limits: { rate: { perSecond: 5, burst: 7 } } });
        const bob = await join("bob");
        const link = await bob.link("alice");
        await until(() => link.peer.capabilities !== undefined);
        expect(link.peer.capabilities?.rate).toEqual({ perSecond: 5, burst: 7 });
      });

      test("small payloads that waited arrive as they were sent", async ({ place }) => {
        const { join } = await place();
        const alice = await join("alice", { limits: { running: 1 } });
        const bob = await join("bob");
        alice.handle("echo", async (input) => {
          await new Promise((resolve) => setTimeout(resolve, 0));
          return input;
        });
        const sizes = Array.from({ length: 100 }, (_, i) => 3 * i);
        const inputs = sizes.map((size) => (size % 2 === 0 ? { size, text: "x".repeat(size) } : new Uint8Array(size).fill(size)));
        expect(await Promise.all(inputs.map((input) => bob.request("alice", "echo", input)))).toEqual(inputs);
      });
    });
  });
}
