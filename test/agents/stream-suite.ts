import { type Agent, type StreamCall, stream, TightbeamError } from "@tightbeam/core";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type AgentSuiteOptions, howRun, testIn } from "./place.js";
import { failure, until } from "./settling.js";

const count = stream("count", { input: z.object({ to: z.number() }), chunk: z.number(), output: z.string() });
const sum = stream("sum", { up: z.number(), output: z.number() });
const echo = stream("echo");

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const chunks: T[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const upTo = (length: number): number[] => Array.from({ length }, (_, index) => index);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What agents say to each other in streams, whatever carries it. */
export function streamSuite(options: AgentSuiteOptions): void {
  describe(`streams over ${options.name}`, howRun(options), () => {
    const test = testIn(options);

    const quiet = (...agents: Agent[]): Promise<void> =>
      until(() => agents.every((agent) => agent.status().streams.opened === 0 && agent.status().streams.served === 0));

    test("a handler says many things and ends with its output", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(count, async function* ({ to }) {
        for (let index = 0; index < to; index++) yield index;
        return "done";
      });
      const counted = bob.stream("alice", count, { to: 5_000 });
      expect(await all(counted)).toEqual(upTo(5_000));
      expect(await counted.result).toBe("done");
      expect(await all(bob.stream("alice", count, { to: 0 }))).toEqual([]);
      await quiet(alice, bob);
    });

    test("chunks arrive as they were: JSON, bytes of every size, null, nothing", async ({ pair }) => {
      const { alice, bob } = await pair();
      const values = [
        { a: [1, "zwei", null] },
        "text",
        null,
        undefined,
        new Uint8Array(0),
        ...[1, 1_000, 20_000, 300_000].map((size) => new Uint8Array(size).fill(size % 251)),
      ];
      alice.handle(stream("values"), function* () {
        yield* values;
      });
      const got = await all(bob.stream("alice", "values"));
      // Comparing large arrays byte by byte takes the matcher seconds.
      const told = (value: unknown): unknown =>
        value instanceof Uint8Array ? [value.length, value[0], Buffer.from(value).equals(Buffer.alloc(value.length, value[0]))] : value;
      expect(got.map(told)).toEqual(values.map(told));
    });

    test("a caller says many things, and the handler answers once", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(sum, async (_, { source }) => {
        let total = 0;
        for await (const each of source) total += each;
        return total;
      });
      const written = bob.stream("alice", sum);
      for (let index = 1; index <= 1_000; index++) await written.write(index);
      await written.end();
      expect(await written.result).toBe(500_500);
      const given = bob.stream("alice", sum, undefined, { source: upTo(1_001) });
      expect(await given.result).toBe(500_500);
      const none = bob.stream("alice", sum);
      await none.end();
      expect(await none.result).toBe(0);
      await quiet(alice, bob);
    });

    test("both sides say many things at once, and the handler goes on after the caller's end", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(echo, async function* (_, { source }) {
        for await (const chunk of source) yield chunk;
        yield "after";
        return "end";
      });
      const both = bob.stream("alice", echo, undefined, {
        source: (async function* () {
          for (const index of upTo(3_000)) yield { index };
        })(),
      });
      expect(await all(both)).toEqual([...upTo(3_000).map((index) => ({ index })), "after"]);
      expect(await both.result).toBe("end");
      await quiet(alice, bob);
    });

    test("many streams at once do not mix", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(echo, async function* (_, { source }) {
        yield* source;
      });
      const runs = await Promise.all(
        upTo(20).map((index) => all(bob.stream("alice", echo, undefined, { source: upTo(100).map((each) => `${index}/${each}`) }))),
      );
      expect(runs).toEqual(upTo(20).map((index) => upTo(100).map((each) => `${index}/${each}`)));
      await quiet(alice, bob);
    });

    test("G-32 leaving the loop cancels: the handler's signal fires, its finally runs, and nothing is left", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: string[] = [];
      alice.handle(stream("endless"), async function* (_, { signal }) {
        signal.addEventListener("abort", () => seen.push((signal.reason as TightbeamError).code));
        try {
          for (let index = 0; ; index++) yield index;
        } finally {
          seen.push("finally");
        }
      });
      const endless = bob.stream("alice", "endless");
      for await (const index of endless) if (index === 100) break;
      expect((await failure(endless.result)).code).toBe("cancelled");
      await until(() => seen.length === 2);
      expect(seen.sort()).toEqual(["cancelled", "finally"]);
      await quiet(alice, bob);
      expect(await all(endless)).toEqual([]);
    });

    test("cancel(), a signal and a timeout end it on both sides, also a handler that waits", async ({ pair }) => {
      const { alice, bob } = await pair();
      const ended: string[] = [];
      alice.handle(stream("silent"), async (input, { signal, source }) => {
        signal.addEventListener("abort", () => ended.push(String(input)));
        for await (const _ of source);
      });
      await bob.link("alice");
      const cancelled = bob.stream("alice", "silent", "by hand");
      await until(() => alice.status().streams.served === 1);
      cancelled.cancel("enough");
      const told = await failure(cancelled.result);
      expect([told.code, told.cause]).toEqual(["cancelled", "enough"]);
      const control = new AbortController();
      const signalled = bob.stream("alice", "silent", "by signal", { signal: control.signal });
      await until(() => alice.status().streams.served === 1 && ended.length === 1);
      control.abort();
      expect(await failure(signalled.result)).toMatchObject({ code: "cancelled", message: "The stream was cancelled here.", cause: control.signal.reason });
      expect((await failure(bob.stream("alice", "silent", "by time", { timeout: 50 }).result)).code).toBe("timeout");
      await quiet(alice, bob);
      await until(() => ended.length >= 2);
      expect(ended.slice(0, 2)).toEqual(["by hand", "by signal"]);
      expect((await failure(bob.stream("alice", "silent", "too late", { signal: control.signal }).result)).code).toBe("cancelled");
    });

    test("G-35 the handler stops reading: the caller is told to stop writing, and the stream goes on", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(echo, async function* (_, { source }) {
        for await (const chunk of source) {
          if (chunk === 3) break;
          yield chunk;
        }
        for (const index of upTo(10)) yield index;
        return "went on";
      });
      let left = false;
      const both = bob.stream("alice", echo, undefined, {
        source: (async function* () {
          try {
            for (let index = 0; ; index++) {
              yield index;
              if (index > 10) await pause(1);
            }
          } finally {
            left = true;
          }
        })(),
      });
      expect(await all(both)).toEqual([0, 1, 2, ...upTo(10)]);
      expect(await both.result).toBe("went on");
      await until(() => left);
      await quiet(alice, bob);
    });

    test("G-34 an error after partial output: what was said is read, then it is thrown, without a secret", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(count, async function* () {
        for (const index of upTo(200)) yield index;
        throw new Error("the password is tulip");
      });
      const counted = bob.stream("alice", count, { to: 0 });
      const got: number[] = [];
      const error = await failure(
        (async () => {
          for await (const index of counted) got.push(index);
        })(),
      );
      expect(got).toEqual(upTo(200));
      expect(error.code).toBe("handler_failed");
      expect(error.message).not.toContain("tulip");
      expect(await failure(counted.result)).toBe(error);
      alice.handle(stream("typed"), async () => {
        throw new TightbeamError("rate_limited", "Later.", { retryAfter: 70 });
      });
      const limited = await failure(bob.stream("alice", "typed").result);
      expect([limited.code, limited.message, limited.retryAfter]).toEqual(["rate_limited", "Later.", 70]);
      await quiet(alice, bob);
    });

    test("whoever writes without awaiting is refused with `flow` once 1 MiB waits; the stream goes on", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(echo, () => pause(60_000));
      const stalled = bob.stream("alice", echo);
      // The handler does not ask for its source: nothing is granted.
      const writes = upTo(3_000).map(() => stalled.write(new Uint8Array(1_000)).catch((error: TightbeamError) => error.code));
      expect(new Set(await Promise.all(writes.slice(1_200)))).toEqual(new Set(["flow"]));
      stalled.cancel();
      expect(new Set(await Promise.all(writes.slice(0, 900)))).toEqual(new Set(["cancelled"]));
    });

    test("what does not fit the contract ends the stream: input, chunk, up and output", async ({ pair }) => {
      const { alice, bob } = await pair();
      let entered = 0;
      alice.handle(count, async function* ({ to }) {
        entered++;
        yield to === 1 ? ("one" as unknown as number) : 0;
        return 5 as unknown as string;
      });
      expect((await failure(bob.stream("alice", count, { to: "x" } as never).result)).code).toBe("invalid_input");
      expect((await failure(bob.stream("alice", "count", { to: "x" }).result)).code).toBe("invalid_input");
      expect(entered).toBe(0);
      for (const to of [1, 2]) {
        const broken = bob.stream("alice", count, { to });
        const error = await failure(broken.result);
        expect([error.code, error.message.includes("one")]).toEqual(["invalid_output", false]);
      }
      expect(entered).toBe(2);
      alice.handle(sum, async (_, { source }) => {
        for await (const _each of source);
        return 0;
      });
      const typed = bob.stream("alice", sum);
      expect((await failure(typed.write("two" as never))).code).toBe("invalid_input");
      expect((await failure(typed.result)).code).toBe("invalid_input");
      const untyped: StreamCall = bob.stream("alice", "sum");
      await untyped.write("two");
      expect((await failure(untyped.result)).code).toBe("invalid_input");
      // The other way round: a handler without a contract, a caller with one.
      alice.handle(stream("loose"), async function* (_, { signal }) {
        yield 1;
        yield "two";
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      });
      const strict = bob.stream("alice", stream("loose", { chunk: z.number() }));
      const seen: number[] = [];
      const wrong = await failure(
        (async () => {
          for await (const each of strict) seen.push(each);
        })(),
      );
      expect([seen, wrong.code, (await failure(strict.result)).code]).toEqual([[1], "invalid_output", "invalid_output"]);
      await quiet(alice, bob);
    });

    test("streams and methods share their names, and neither is taken for the other", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle("one", () => 1);
      alice.handle(count, async () => "none");
      expect(() => alice.handle(stream("one"), async () => 2)).toThrow(expect.objectContaining({ code: "invalid_argument" }) as Error);
      expect(() => alice.handle("count", () => 2)).toThrow(expect.objectContaining({ code: "invalid_argument" }) as Error);
      expect((await failure(bob.stream("alice", "one").result)).code).toBe("no_handler");
      expect((await failure(bob.request("alice", "count", { to: 1 }))).code).toBe("no_handler");
      expect((await failure(bob.stream("alice", "nothing").result)).code).toBe("no_handler");
      expect((await failure(bob.stream("not an id", "one").result)).code).toBe("invalid_argument");
      expect((await failure(bob.stream("alice", count, { to: 1 }, { window: 0 }).result)).code).toBe("invalid_argument");
    });

    test("G-31 a reader that stops holds at most its window, and slows no other stream and no request", async ({ pair }) => {
      const { alice, bob } = await pair();
      let said = 0;
      alice.handle(stream("flood"), async function* () {
        for (; ; said++) yield new Uint8Array(10_000);
      });
      alice.handle("echo", (input) => input);
      alice.handle(count, async function* ({ to }) {
        yield* upTo(to);
        return "done";
      });
      const window = 200_000;
      const stopped = bob.stream("alice", stream("flood"), undefined, { window })[Symbol.asyncIterator]();
      await stopped.next();
      await until(() => said >= 20);
      expect((await all(bob.stream("alice", count, { to: 2_000 }))).length).toBe(2_000);
      expect(await bob.request("alice", "echo", 7)).toBe(7);
      // One chunk may begin with the last byte of the window; one was read, and one waits in the generator.
      expect(said).toBeLessThanOrEqual(Math.ceil(window / 10_064) + 2);
      expect(bob.status().memory.used).toBeLessThan(window + 20_128 + 300_000);
      await stopped.return?.();
      await quiet(alice, bob);
    });

    test("G-30 it goes on through a cut of the medium", async ({ pair }) => {
      const { here, alice, bob } = await pair();
      alice.handle(echo, async function* (_, { source }) {
        for await (const chunk of source) yield chunk;
      });
      const both = bob.stream("alice", echo, undefined, {
        source: (async function* () {
          for (const index of upTo(600)) {
            yield index;
            if (index % 20 === 0) await pause(1);
          }
        })(),
      });
      const got: unknown[] = [];
      for await (const chunk of both) {
        got.push(chunk);
        if (got.length === 200) {
          await here.cut();
          await until(() => bob.status().transport === "down");
          await here.restore();
        }
      }
      expect(got).toEqual(upTo(600));
    });

    test("G-33 when an agent leaves, both sides settle: the caller does not know the outcome, the handler's signal fires", async ({ pair }) => {
      const { alice, bob } = await pair();
      const seen: unknown[] = [];
      alice.handle(echo, async (_, { source, signal }) => {
        signal.addEventListener("abort", () => seen.push("signal"));
        try {
          for await (const each of source) seen.push(each);
        } catch (error) {
          seen.push((error as TightbeamError).code);
        }
      });
      const open = bob.stream("alice", echo);
      await open.write("hello");
      await until(() => seen.length === 1);
      const other = bob.stream("alice", echo);
      await until(() => alice.status().streams.served === 2);
      await bob.close();
      expect((await failure(open.result)).code).toBe("delivery_unknown");
      expect((await failure(other.write("x"))).code).toBe("delivery_unknown");
      await until(() => seen.length === 5);
      const [signals, ends] = [seen.slice(1).filter((each) => each === "signal"), seen.slice(1).filter((each) => each !== "signal")];
      expect([signals.length, ends.length]).toEqual([2, 2]);
      // Its goodbye is said again for a second; a medium that is cut for as long swallows it, and the silence tells.
      const known = options.faulty ? ["closed", "delivery_unknown"] : ["closed"];
      expect(known).toEqual(expect.arrayContaining(ends));
      await quiet(alice);
    });

    test("a caller is told when the handler's agent closes, which waits for its streams when it drains", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.handle(count, async function* ({ to }) {
        for (const index of upTo(to)) {
          await pause(1);
          yield index;
        }
        return "whole";
      });
      const drained = bob.stream("alice", count, { to: 50 });
      await until(() => alice.status().streams.served === 1);
      const closing = alice.close({ drain: 25_000 });
      expect(await all(drained)).toEqual(upTo(50));
      expect(await drained.result).toBe("whole");
      await closing;
    });
  });
}
