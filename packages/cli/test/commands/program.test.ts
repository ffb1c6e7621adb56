import type { TightbeamError } from "@tightbeam/core";
import { afterEach, describe, expect, it } from "vitest";
import { createPlaces } from "../../src/commands/listen/places.js";
import { childEnvironment, createPrograms, type ProgramOptions } from "../../src/commands/listen/program.js";
import { createMemoryIo } from "../memory-io.js";

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function running(code: string, options: Partial<ProgramOptions> = {}) {
  const { io } = createMemoryIo({ cwd: process.cwd(), env: { PATH: process.env.PATH ?? "" } });
  const later = (close: () => unknown) => void closers.push(close);
  return createPrograms(
    { io, later, runtime: io.runtime },
    { program: process.execPath, args: ["-e", code], raw: false, concurrency: 2, timeout: 30_000, ...options },
  );
}

const context = (signal = new AbortController().signal) =>
  ({ peer: { id: "bob" }, method: "work", id: "1", signal }) as Parameters<ReturnType<typeof running>["answer"]>[1];
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "nothing",
    (error: TightbeamError) => `${error.code}: ${error.message}`,
  );

describe("a program that answers", () => {
  it("gives bytes with raw, and JSON without", async () => {
    expect(await running("process.stdin.pipe(process.stdout)", { raw: true }).answer(new Uint8Array([0, 255]), context())).toEqual(new Uint8Array([0, 255]));
    expect(await running("process.stdin.pipe(process.stdout)").answer({ a: 1 }, context())).toEqual({ a: 1 });
    expect(await running("").answer({ a: 1 }, context())).toBeUndefined();
    expect(await failure(running("console.log('text')").answer(1, context()))).toMatch(/^handler_failed: The program's output is not JSON/);
  });

  it("TM-247 is ended when it takes too long, says too much, or nobody waits for it any more", async () => {
    expect(await failure(running("setInterval(() => {}, 1000)", { timeout: 100 }).answer(1, context()))).toBe(
      "handler_failed: The program took longer than 100 ms.",
    );
    expect(await failure(running("const b = Buffer.alloc(1 << 20); const go = () => process.stdout.write(b, go); go()").answer(1, context()))).toMatch(
      /^too_large/,
    );
    const caller = new AbortController();
    const waiting = failure(running("setInterval(() => {}, 1000)").answer(1, context(caller.signal)));
    caller.abort();
    expect(await waiting).toBe("cancelled: The caller gave up.");
  });

  it("TM-247 sees none of our settings", () => {
    expect(childEnvironment({ env: { PATH: "/bin", TIGHTBEAM_SECRET: "s", TIGHTBEAM_STORE_KEY: "k", HOME: undefined } })).toEqual({ PATH: "/bin" });
  });

  it("says and hears lines when it serves a stream", async () => {
    const double = "require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => console.log(JSON.parse(line) * 2))";
    const said: unknown[] = [];
    for await (const chunk of running(double).chunks(1, {
      ...context(),
      source: (async function* () {
        yield 2;
        yield 3;
      })(),
    }))
      said.push(chunk);
    expect(said).toEqual([2, 4, 6]);
  });
});

describe("places", () => {
  it("TM-247 are so many at a time, and so many more wait", async () => {
    const places = createPlaces(2);
    const [first] = await Promise.all([places.take(), places.take()]);
    const waiting = Array.from({ length: 1_024 }, () => places.take());
    await expect(places.take()).rejects.toMatchObject({ code: "overloaded" });
    first?.();
    first?.();
    (await waiting[0])?.();
    (await waiting[1])?.();
    await expect(Promise.race([waiting[3], Promise.resolve("waits")])).resolves.toBe("waits");
  });
});
