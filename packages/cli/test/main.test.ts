import { Readable } from "node:stream";
import { errorCodes, TightbeamError } from "@tightbeam/core";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { describe, expect, it } from "vitest";
import { usageError } from "../src/command-error.js";
import { exitCodeFor, exitCodes } from "../src/exit-codes.js";
import type { Action, CommandEntry } from "../src/invocation.js";
import { run } from "../src/main.js";
import { createMemoryIo } from "./memory-io.js";

/** A program with one command, which does this. */
const doing = (action: Action<Record<string, unknown>>): CommandEntry[] => [
  {
    name: "try",
    summary: "try it",
    group: "Looking",
    load: async () => ({ define: (command, frame) => void command.argument("[word]").option("--often <n>", "how often").action(frame.action(action)) }),
  },
];

const failing = (error: unknown) =>
  doing(async () => {
    throw error;
  });

describe("a command line", () => {
  it("without a command shows what there is", async () => {
    const { io, stdout, stderr } = createMemoryIo();
    expect(
      await run(
        [],
        io,
        doing(async () => undefined),
      ),
    ).toBe(0);
    expect(stdout()).toMatch(/^Usage: tightbeam <command>/);
    expect(stdout()).toMatch(/Looking:\n {2}try +try it/);
    expect(stderr()).toBe("");
  });

  it.each([["--version"], ["try", "--help"]])("%s %s is no error", async (...argv) => {
    const { io, stderr } = createMemoryIo();
    expect(
      await run(
        argv,
        io,
        doing(async () => undefined),
      ),
    ).toBe(0);
    expect(stderr()).toBe("");
  });

  const wrong: [title: string, argv: string[], message: string, advice: RegExp][] = [
    ["an unknown command", ["tyr"], "Unknown command 'tyr'.", /Did you mean try\?\nSee `tightbeam --help`/],
    ["an unknown option", ["try", "--oftne", "3"], "There is no option --oftne.", /Did you mean --often\?\nSee `tightbeam try --help`/],
    ["help for what is not there", ["help", "tyr"], "A sub-command is missing, or there is no command of this name.", /tightbeam --help/],
    ["too much", ["try", "a", "b"], "Too many arguments for 'try'. Expected 1 argument but got 2.", /try --help/],
    ["an option without its value", ["try", "--often"], "Option '--often <n>' argument missing.", /try --help/],
  ];
  it.each(wrong)("%s is told with what to do", async (_, argv, message, advice) => {
    const { io, stdout, stderr } = createMemoryIo();
    expect(
      await run(
        [...argv, "--json"],
        io,
        doing(async () => undefined),
      ),
    ).toBe(exitCodes.usage);
    expect(stdout()).toBe("");
    const { error } = JSON.parse(stderr()) as { error: { code: string; message: string; advice: string } };
    expect(error).toMatchObject({ code: "usage", message });
    expect(error.advice).toMatch(advice);
  });

  it("names the sub-command whose help has the rest", async () => {
    const { io, stderr } = createMemoryIo();
    const nested: CommandEntry = {
      name: "letters",
      summary: "letters",
      group: "Looking",
      load: async () => ({ define: (command, frame) => void command.command("list").action(frame.action(async () => undefined)) }),
    };
    expect(await run(["letters", "list", "--al"], io, [nested])).toBe(exitCodes.usage);
    expect(stderr()).toBe("error: There is no option --al.\n  See `tightbeam letters list --help`.\n");
  });

  it.each(["--token", "--secret", "--password", "--private-key", "--store-key"])(
    "TM-246 does not take a secret as %s, and does not repeat it",
    async (option) => {
      for (const argv of [
        ["try", `${option}=hunter2`],
        ["try", option, "hunter2"],
      ]) {
        const { io, stdout, stderr } = createMemoryIo({ env: { TIGHTBEAM_DEBUG: "1" } });
        expect(
          await run(
            argv,
            io,
            doing(async () => undefined),
          ),
        ).toBe(exitCodes.usage);
        expect(stderr()).toContain("Secrets do not stand on a command line");
        expect(stdout() + stderr()).not.toContain("hunter2");
      }
    },
  );

  it("gives a command its arguments, options and exit code", async () => {
    const { io, stdout } = createMemoryIo();
    const code = await run(
      ["try", "word", "--often", "3", "--json"],
      io,
      doing(async ({ output }, { often }, word) => {
        await output.result({ word, often }, "for people");
        return 8;
      }),
    );
    expect(code).toBe(8);
    expect(stdout()).toBe('{"word":"word","often":"3"}\n');
  });

  it("has an exit code for every error of Tightbeam, and none of them means success", () => {
    for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) expect(exitCodeFor(code), code).toBeGreaterThan(0);
  });

  it("tells what happened, then what to do, then the code", async () => {
    const { io, stderr } = createMemoryIo();
    expect(await run(["try"], io, failing(new TightbeamError("no_answer", "Nobody answered.", { retryAfter: 5, idempotencyKey: "k" })))).toBe(6);
    const [first, second, third] = stderr().split("\n");
    expect(first).toBe("error: Nobody answered.");
    expect(second).toMatch(/^ {2}No agent of this id is there/);
    expect(third).toBe("  (code no_answer, exit 6; retry after 5 ms; idempotency key k)");
  });

  it("tells errors as JSON with --json", async () => {
    const { io, stderr } = createMemoryIo();
    expect(await run(["try", "--json"], io, failing(new TightbeamError("overloaded", "Too much.")))).toBe(exitCodes.busy);
    expect(JSON.parse(stderr())).toEqual({ error: { code: "overloaded", exitCode: 10, message: "Too much.", retryable: true } });
  });

  it("shows a stack only when asked", async () => {
    const error = new Error("a bug", { cause: new Error("deeper") });
    const quiet = createMemoryIo();
    expect(await run(["try"], quiet.io, failing(error))).toBe(exitCodes.failed);
    expect(quiet.stderr()).not.toContain("    at ");
    const loud = createMemoryIo({ env: { TIGHTBEAM_DEBUG: "1" } });
    await run(["try"], loud.io, failing(error));
    expect(loud.stderr()).toMatch(/a bug\n {4}at [\s\S]*caused by: Error: deeper/);
  });

  it("TM-248 lets nobody's text control the terminal", async () => {
    const { io, stderr } = createMemoryIo({ terminal: true, env: { NO_COLOR: "1" } });
    await run(["try"], io, failing(new TightbeamError("handler_failed", "\u001b[2Jgone\u009b1A\u202e\r")));
    expect(stderr()).toMatch(/^error: \\u001b\[2Jgone\\u009b1A\\u202e\\u000d\n/);
  });

  it("TM-248 lets nobody's text look like a line of its own, in what to do neither", async () => {
    const { io, stderr } = createMemoryIo();
    await run(["try"], io, failing(usageError("one\nerror: two", "three \u001b[2J\nfour")));
    expect(stderr()).toBe("error: one\n  error: two\n  three \\u001b[2J\n  four\n");
  });

  it("closes what was opened, the last first, however the command ends", async () => {
    const closed: string[] = [];
    const { io, stderr } = createMemoryIo();
    const code = await run(
      ["try"],
      io,
      doing(async ({ later }) => {
        later(() => closed.push("first"));
        later(() => Promise.reject(usageError("It did not close.")));
        later(() => closed.push("last"));
        throw usageError("It failed.");
      }),
    );
    expect(code).toBe(exitCodes.usage);
    expect(closed).toEqual(["last", "first"]);
    expect(stderr()).toBe("error: It failed.\nerror: It did not close.\n");
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends it with %i where it was not over, and in order where it is one that runs until then", async (signal, expected) => {
    for (const endless of [false, true]) {
      const { io, stop, stderr } = createMemoryIo();
      const closed: string[] = [];
      const running = run(
        ["try"],
        io,
        doing(async ({ later, signal: stopped }) => {
          later(() => closed.push("closed"));
          await new Promise((resolve) => stopped.addEventListener("abort", resolve));
          if (!endless) throw new Error("It was not over.");
        }),
      );
      await Promise.resolve();
      setTimeout(() => stop(signal), 5);
      expect(await running).toBe(endless ? 0 : expected);
      expect(closed).toEqual(["closed"]);
      expect(stderr()).toBe("");
    }
  });

  it("does not wait for stdin when it is asked to end, and sends nothing of what came", async () => {
    let reads: () => void = () => undefined;
    const reading = new Promise<void>((resolve) => (reads = resolve));
    const stdin = new Readable({ read: () => reads() });
    const { io, stop, stdout, stderr } = createMemoryIo({ stdin });
    const running = run(["request", "alice", "echo", "-", "--raw"], io);
    await reading;
    stdin.push("half");
    stop("SIGTERM");
    expect(await running).toBe(exitCodes.terminated);
    expect(stdout() + stderr()).toBe("");
  });

  it("ends within 5 s of being asked to, whatever it still waits for", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const { io, stop, stderr } = createMemoryIo({ runtime });
    const closed: string[] = [];
    let ended = false;
    const running = run(
      ["try"],
      io,
      doing(({ later }) => {
        later(() => closed.push("closed"));
        return new Promise(() => undefined);
      }),
    ).finally(() => (ended = true));
    await new Promise((resolve) => setImmediate(resolve));
    stop("SIGINT");
    runtime.advanceSync(4_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ ended, closed }).toEqual({ ended: false, closed: [] });
    runtime.advanceSync(1);
    expect(await running).toBe(exitCodes.interrupted);
    expect(closed).toEqual(["closed"]);
    expect(stderr()).toBe("");
  });

  it("ends without a word when nobody reads its output any more", async () => {
    const { io, stderr } = createMemoryIo();
    const running = run(
      ["try"],
      io,
      doing(async ({ output, signal }) => {
        for (let i = 0; !signal.aborted; i++) {
          await output.item(i, `${i}`);
          await new Promise((resolve) => setImmediate(resolve));
        }
        throw new Error("It was not over.");
      }),
    );
    setTimeout(() => io.stdout.destroy(), 5);
    expect(await running).toBe(0);
    expect(stderr()).toBe("");
  });
});
