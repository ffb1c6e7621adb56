// The processes of the demo besides its own: started here, and none outlives it.
import { type ChildProcess, fork } from "node:child_process";
import { type Calls, createCalls, type Handlers } from "./calls.js";

export interface Child {
  readonly pid: number;
  readonly calls: Calls;
  /** From now on its end is expected. */
  release(): void;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
}

export interface Children {
  start(name: string, script: string, handlers?: Handlers): Child;
  /** Rejects when one died that should not have. Never resolves. */
  readonly failure: Promise<never>;
}

export function createChildren(): Children {
  const running = new Set<ChildProcess>();
  let fail: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => (fail = reject));
  failure.catch(() => undefined);
  // Whatever ends this process ends the children: nothing survives the demo. SIGTERM, so that the keeper of a server can end that too.
  process.once("exit", () => {
    for (const child of running) child.kill("SIGTERM");
  });
  return {
    failure,
    start(name, script, handlers = {}) {
      const forked = fork(script, [], { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
      running.add(forked);
      const calls = createCalls(forked, handlers);
      let expected = false;
      let complaint = "";
      forked.stderr?.on("data", (chunk: Buffer) => {
        complaint = (complaint + chunk.toString()).slice(-2_000);
      });
      // What was still being written to a child that is killed is no failure to run it.
      forked.on("error", (error) => {
        if (!expected) fail(new Error(`The ${name} process could not be run: ${error.message}`));
      });
      const gone = new Promise<void>((resolve) => {
        forked.once("close", (code, signal) => {
          running.delete(forked);
          const error = new Error(`The ${name} process (pid ${forked.pid}) died unexpectedly: ${signal ?? `exit code ${code}`}.\n${complaint}`.trimEnd());
          calls.end(error);
          if (!expected) fail(error);
          resolve();
        });
      });
      const child: Child = {
        pid: forked.pid ?? 0,
        calls,
        release: () => {
          expected = true;
        },
        kill() {
          child.release();
          forked.kill("SIGKILL");
          return gone;
        },
      };
      return child;
    },
  };
}
