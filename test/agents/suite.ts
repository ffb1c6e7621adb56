import { createAuthority, type Envelope, method, TightbeamError } from "@tightbeam/core";
import { describe, expect } from "vitest";
import { z } from "zod";
// Loaded with the first key: the time of the one that is to run out does not count it.
import "../../packages/core/src/patterns/idempotency/keyed.js";
import { type AgentSuiteOptions, howRun, testIn } from "./place.js";
import { failure, until } from "./settling.js";

const greet = method("greet", { input: z.object({ name: z.string() }), output: z.object({ greeting: z.string() }) });

/** What two agents do with each other, whatever carries it. */
export function agentSuite(options: AgentSuiteOptions): void {
  describe(`agents over ${options.name}`, howRun(options), () => {
    const test = testIn(options);

    test("a typed request is answered", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(greet, async ({ name: who }) => ({ greeting: `Hello, ${who}.` }));
      const { greeting } = await bob.request("alice", greet, { name: "Bob" });
      expect(greeting).toBe("Hello, Bob.");
    });

    test("G-02 payloads arrive as they were: JSON, bytes, null, nothing", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle("echo", (input) => input);
      const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);
      for (const value of [{ a: [1, "zwei", { b: null }] }, "text", 17.5, null, undefined, bytes, new Uint8Array(0)]) {
        expect(await bob.request("alice", "echo", value)).toEqual(value);
      }
    });

    test("G-03 the handler knows who asks, and with which headers and key", async ({ pair }) => {
      const { alice, bob } = await pair();
      let seen: unknown;
      alice.handle("who", (_, { peer, headers, idempotencyKey, priority, method: called }) => {
        seen = { id: peer.id, instance: peer.instance, issuer: peer.issuer, headers: { ...headers }, idempotencyKey, priority, called };
      });
      await bob.request("alice", "who", null, { headers: { "x-trace": "7" }, idempotencyKey: "order-1", priority: "high" });
      expect(seen).toEqual({
        id: "bob",
        instance: bob.instance,
        issuer: "https://auth.example",
        headers: { "x-trace": "7" },
        idempotencyKey: "order-1",
        priority: "high",
        called: "who",
      });
    });

    test("G-21 notifications one after the other arrive in their order, and none is taken while the medium is down", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      const got: unknown[] = [];
      alice.handle("note", (input) => void got.push(input));
      await bob.link("alice");
      for (let index = 0; index < 3_000; index++) await bob.notify("alice", "note", index);
      await bob.notify("alice", "note", 3_000, { confirm: "done" });
      expect(got).toEqual(Array.from({ length: 3_001 }, (_, index) => index));
      await here.cut();
      await until(() => bob.status().transport === "down");
      expect((await failure(bob.notify("alice", "note", "never", { timeout: 50 }))).code).toBe("timeout");
      await here.restore();
      await bob.notify("alice", "note", "last", { confirm: "done" });
      expect(got.at(-1)).toBe("last");
      expect(got).toHaveLength(3_002);
    });

    test("G-20 notify runs the handler; confirm waits for memory or for the handler", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: unknown[] = [];
      let finish = (): void => undefined;
      alice.handle("note", async (input) => {
        seen.push(input);
        if (input === "slow") await new Promise<void>((resolve) => (finish = resolve));
        if (input === "bad") throw new Error("no");
      });
      await bob.notify("alice", "note", "first");
      await bob.notify("alice", "note", "second", { confirm: "done" });
      expect(seen).toEqual(["first", "second"]);
      let done = false;
      const slow = bob.notify("alice", "note", "slow", { confirm: "done" }).then(() => {
        done = true;
      });
      await bob.notify("alice", "note", "third", { confirm: "received" });
      await until(() => seen.includes("slow"));
      expect(done).toBe(false);
      finish();
      await slow;
      expect((await failure(bob.notify("alice", "note", "bad", { confirm: "done" }))).code).toBe("handler_failed");
      expect((await failure(bob.notify("alice", "nobody-listens", 1, { confirm: "done" }))).code).toBe("no_handler");
    });

    test("G-04 notifications keep their order", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: unknown[] = [];
      alice.handle("count", (input) => void seen.push(input));
      const total = 2_000;
      await Promise.all(Array.from({ length: total }, (_, index) => bob.notify("alice", "count", index)));
      await bob.notify("alice", "count", total, { confirm: "done" });
      expect(seen).toEqual(Array.from({ length: total + 1 }, (_, index) => index));
    });

    test("G-16 no handler, and a handler that fails, are typed errors without a stack or a secret", async ({ pair }) => {
      const { alice, bob } = await pair();
      const failures: unknown[] = [];
      alice.onEvent((event) => {
        if (event.type === "handler_failed") failures.push(event.error);
      });
      alice.handle("explode", () => {
        throw new Error("the password is swordfish");
      });
      alice.handle("refuse", () => {
        throw new TightbeamError("forbidden", "Not on a Sunday.", { retryAfter: 86_400_000 });
      });
      const missing = await failure(bob.request("alice", "missing"));
      expect(missing.code).toBe("no_handler");
      expect(missing.message).toContain("missing");
      const exploded = await failure(bob.request("alice", "explode"));
      expect(exploded.code).toBe("handler_failed");
      expect(exploded.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(JSON.stringify([exploded.message, exploded.cause, exploded.id])).not.toContain("swordfish");
      expect(failures).toContainEqual(new Error("the password is swordfish"));
      const refused = await failure(bob.request("alice", "refuse"));
      expect([refused.code, refused.message, refused.retryAfter]).toEqual(["forbidden", "Not on a Sunday.", 86_400_000]);
    });

    test("G-14 both sides check the contract: path and expectation, never the value", async ({ pair }) => {
      const { alice, bob } = await pair();
      let ran = 0;
      alice.handle(greet, () => {
        ran++;
        return { greeting: 5 } as unknown as { greeting: string };
      });
      const local = await failure(bob.request("alice", greet, { name: 7_777_777 } as unknown as { name: string }));
      expect(local.code).toBe("invalid_input");
      expect(local.message).toContain("name");
      const remote = await failure(bob.request("alice", "greet", { name: 7_777_777 }));
      expect(remote.code).toBe("invalid_input");
      expect(remote.message).toContain("name");
      expect(local.message + remote.message).not.toContain("7777777");
      expect(ran).toBe(0);
      expect((await failure(bob.request("alice", "greet", { name: "x" }))).code).toBe("invalid_output");
      expect(ran).toBe(1);
    });

    test("what cannot be sent is refused at home", async ({ pair }) => {
      const { alice, bob } = await pair({ alice: { limits: { messageMaxBytes: 100_000 } } });
      alice.handle("echo", (input) => input);
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      expect((await failure(bob.request("alice", "echo", cycle))).code).toBe("not_serialisable");
      expect((await failure(bob.request("alice", "echo", { big: 1n }))).code).toBe("not_serialisable");
      await bob.request("alice", "echo", 1);
      const large = await failure(bob.request("alice", "echo", new Uint8Array(200_000)));
      expect(large.code).toBe("too_large");
      expect(large.message).toContain("100000");
      expect((await failure(bob.request("no such agent!", "echo"))).code).toBe("invalid_argument");
      expect((await failure(bob.request("alice", "echo", 1, { timeout: -1 }))).code).toBe("invalid_argument");
      expect((await failure(bob.request("alice", "echo", 1, { tiemout: 5 } as object))).code).toBe("invalid_argument");
      expect(await bob.request("alice", "echo", "still fine")).toBe("still fine");
    });

    test("a reply that is too large for its caller is an error, not silence", async ({ pair }) => {
      const { alice, bob } = await pair({ bob: { limits: { messageMaxBytes: 50_000 } } });
      alice.handle("more", () => new Uint8Array(60_000));
      expect((await failure(bob.request("alice", "more"))).code).toBe("too_large");
    });

    test("G-10 timeout and cancellation settle the caller and fire the handler's signal", async ({ pair }) => {
      const { alice, bob } = await pair();
      const fired: unknown[] = [];
      const started: unknown[] = [];
      alice.handle("wait", (input, { signal }) => {
        started.push(input);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            fired.push(input);
            reject(signal.reason as Error);
          });
        });
      });
      await bob.link("alice");
      const late = await failure(bob.request("alice", "wait", "late", { timeout: 500, ttl: 30_000, idempotencyKey: "k1" }));
      expect([late.code, late.idempotencyKey]).toEqual(["timeout", "k1"]);
      const controller = new AbortController();
      const pending = failure(bob.request("alice", "wait", "cancelled", { signal: controller.signal }));
      await until(() => started.includes("cancelled"));
      controller.abort(new Error("changed my mind"));
      expect((await pending).code).toBe("delivery_unknown");
      await until(() => fired.includes("cancelled"));
      expect((await failure(bob.request("alice", "wait", "never", { signal: controller.signal }))).code).toBe("cancelled");
      // Where frames are lost, the late one may have been given up before it came.
      if (!options.faulty) expect(started).toEqual(["late", "cancelled"]);
      expect([fired, started.at(-1)]).toEqual([started, "cancelled"]);
    });

    test("observers see what is sent and received, decoded", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle("double", (input) => (input as number) * 2);
      const atAlice: unknown[] = [];
      const atBob: unknown[] = [];
      const seenBy =
        (list: unknown[]) =>
        ({ type, from, to, payload, method: name }: Envelope): void => {
          if (name?.startsWith("tb/") !== true) list.push([type, from, to, payload]);
        };
      alice.onEnvelope(seenBy(atAlice));
      const stop = bob.onEnvelope(seenBy(atBob));
      await bob.request("alice", "double", 21);
      const expected = [
        ["request", "bob", "alice", 21],
        ["response", "alice", "bob", 42],
      ];
      expect(atBob).toEqual(expected);
      expect(atAlice).toEqual(expected);
      stop();
      await bob.request("alice", "double", 1);
      expect(atBob).toHaveLength(2);
    });

    test("each side of a link says once what it can do, and again when it changed", async ({ pair }) => {
      const { alice, bob } = await pair({ alice: { limits: { messageMaxBytes: 100_000 } } });
      const link = await bob.link("alice");
      await until(() => link.peer.capabilities !== undefined);
      expect(link.peer.capabilities).toMatchObject({ protocol: 1, maxMessageBytes: 100_000, contracts: [], kinds: [], load: undefined, publishes: false });
      expect(link.peer.capabilities?.types).toContain("request");
      await until(() => alice.links("bob")[0]?.peer.capabilities !== undefined);
    });

    test("links are visible and can be closed", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle("wait", () => new Promise(() => undefined));
      const link = await bob.link("alice");
      expect([link.peer.id, link.peer.instance]).toEqual(["alice", alice.instance]);
      await until(() => link.state === "up");
      expect(bob.links("alice")).toEqual([link]);
      expect(bob.links("carol")).toEqual([]);
      const status = link.status();
      expect(status.suite).toBe(0x0101);
      expect(status.peer.thumbprint).toHaveLength(43);
      await until(() => alice.links("bob").length === 1);
      const pending = failure(bob.request("alice", "wait", null));
      await until(() => alice.status().calls.running === 1);
      link.close();
      expect((await pending).code).toBe("delivery_unknown");
      expect(link.state).toBe("ended");
      await until(() => alice.links().length === 0);
      await until(() => alice.status().calls.running === 1);
      alice.handle("echo", (input) => input);
      expect(await bob.request("alice", "echo", "a new link")).toBe("a new link");
    });

    test("nobody answers: says so, with the time waited", async ({ pair }) => {
      const { here, bob } = await pair();
      here.calm();
      const error = await failure(bob.request("carol", "greet", {}, { timeout: 150 }));
      expect(error.code).toBe("no_answer");
      expect(error.message).toMatch(/carol within \d+ ms/);
    });

    test("an agent that another authority vouches for is refused on both sides", async ({ pair }) => {
      const { here, alice } = await pair();
      // Who cannot send when the time is over is told that, and not what was wrong before.
      here.calm();
      const other = await createAuthority({ issuer: "https://elsewhere.example" });
      const mallory = await here.join("mallory", { identity: await other.enroll("mallory"), login: await here.authority.enroll("mallory") });
      alice.handle("echo", (input) => input);
      mallory.handle("echo", (input) => input);
      // Alice refuses in silence; Mallory, who trusts Alice's authority, only learns that the handshake was never confirmed.
      // Both dial until an attempt is over, and again where nothing came back.
      const timeout = options.faulty ? 12_000 : 1_500;
      const refused = [mallory.request("alice", "echo", 1, { timeout }), alice.request("mallory", "echo", 1, { timeout })];
      expect((await Promise.all(refused.map(failure))).map(({ code }) => code)).toEqual(["handshake_failed", "unknown_issuer"]);
      expect(alice.links()).toEqual([]);
    });

    test("requests both ways and nested, all at once", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle("down", async (n) => ((n as number) <= 0 ? "end" : bobFromAlice(n as number)));
      const bobFromAlice = (n: number): Promise<unknown> => alice.request("bob", "down", n - 1);
      bob.handle("down", async (n) => ((n as number) <= 0 ? "end" : bob.request("alice", "down", (n as number) - 1)));
      const results = await Promise.all(
        Array.from({ length: 200 }, (_, index) => (index % 2 ? bob.request("alice", "down", 6) : alice.request("bob", "down", 6))),
      );
      expect(new Set(results)).toEqual(new Set(["end"]));
      expect(bob.links("alice").length + alice.links("bob").length).toBe(2);
    });

    test("large messages, and small ones that pass them", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle("size", (input) => (input as Uint8Array).length);
      alice.handle("back", (input) => input);
      await bob.link("alice");
      const finished: string[] = [];
      const large = bob.request("alice", "size", new Uint8Array(16 * 1024 * 1024)).then((size) => {
        finished.push("large");
        return size;
      });
      const small = bob.request("alice", "size", new Uint8Array(10), { priority: "critical" }).then(() => finished.push("small"));
      await small;
      expect(await large).toBe(16 * 1024 * 1024);
      expect(finished).toEqual(["small", "large"]);
      const five = Uint8Array.from({ length: 5 * 1024 * 1024 }, (_, index) => index * 31);
      expect(Buffer.compare((await bob.request("alice", "back", five)) as Uint8Array, five)).toBe(0);
    });

    test("G-01 a cut medium is a pause: everything is answered once", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      const runs = new Map<unknown, number>();
      alice.handle("work", (input) => {
        runs.set(input, (runs.get(input) ?? 0) + 1);
        return input;
      });
      await bob.request("alice", "work", -1);
      const total = 3_000;
      const pending = Array.from({ length: total }, (_, index) => bob.request("alice", "work", index));
      for (let round = 0; round < 3; round++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await here.cut();
        await new Promise((resolve) => setTimeout(resolve, 40));
        await here.restore();
      }
      expect(await Promise.all(pending)).toEqual(Array.from({ length: total }, (_, index) => index));
      expect(runs.size).toBe(total + 1);
      expect(new Set(runs.values())).toEqual(new Set([1]));
      expect(bob.links("alice")).toHaveLength(1);
    });

    test("G-15 a message that outlives its ttl on the way is not handled", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      let ran = 0;
      alice.handle("now-or-never", () => void ran++);
      await bob.link("alice");
      await here.cut();
      const pending = failure(bob.request("alice", "now-or-never", null, { ttl: 60, timeout: 20_000 }));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await here.restore();
      expect((await pending).code).toBe("expired");
      expect(ran).toBe(0);
    });

    test("G-62 close with drain lets what runs finish, and refuses what comes", async ({ pair }) => {
      const { alice, bob } = await pair();
      let finish = (): void => undefined;
      alice.handle("slow", () => new Promise((resolve) => (finish = () => resolve("done"))));
      const slow = bob.request("alice", "slow");
      await until(() => alice.status().calls.running === 1);
      const closing = alice.close({ drain: 25_000 });
      expect((await failure(bob.request("alice", "slow"))).code).toBe("overloaded");
      finish();
      expect(await slow).toBe("done");
      await closing;
      await alice.close();
      expect((await failure(alice.request("bob", "x", 1))).code).toBe("closed");
      await until(() => bob.links("alice").length === 0);
    });

    test("G-63 close without drain settles everything that was pending", async ({ pair }) => {
      const { alice, bob } = await pair();
      const signals: AbortSignal[] = [];
      alice.handle("forever", (_, { signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      });
      const pending = Array.from({ length: 20 }, () => failure(bob.request("alice", "forever")));
      await until(() => signals.length === 20);
      await bob.close();
      expect(new Set((await Promise.all(pending)).map((error) => error.code))).toEqual(new Set(["delivery_unknown"]));
      await until(() => signals.every((signal) => signal.aborted));
    });
  });
}
