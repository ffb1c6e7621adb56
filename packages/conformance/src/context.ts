import { type Runtime, systemRuntime, type Transport } from "@tightbeam/core/transport";
import type { RuleContext, Subject, TransportEnv } from "./rule.js";

/** Polls of a condition on consecutive turns before they are spaced by a ms. */
const fastPolls = 64;

/** A context over one environment, and the function that closes what the rule connected. Neither hangs on a transport that hangs. */
export function createContext(env: TransportEnv, subject: Subject): { readonly context: RuleContext; dispose(): Promise<void> } {
  const { runtime = systemRuntime(), deadlineMs = 5_000, settleMs = 25 } = subject;
  const { clock, timers } = runtime;
  const transports: Transport[] = [];

  const within = <T>(promise: Promise<T>, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const cancel = timers.after(deadlineMs, () => reject(new Error(`${what}: not settled within ${deadlineMs} ms`)));
      promise.then(resolve, reject).finally(cancel);
    });

  const context: RuleContext = {
    within,
    async connect(id) {
      const transport = await within(Promise.resolve(env.connect(id)), `connect("${id}")`);
      transports.push(transport);
      return transport;
    },
    async cut() {
      await within(Promise.resolve(env.cut()), "cut()");
    },
    async restore() {
      await within(Promise.resolve(env.restore()), "restore()");
    },
    async eventually(condition, what) {
      const until = clock.monotonic() + deadlineMs;
      for (let poll = 0; !condition(); poll += 1) {
        if (clock.monotonic() > until) throw new Error(`${typeof what === "string" ? what : what()}: not within ${deadlineMs} ms`);
        await new Promise<void>((resolve) => (poll < fastPolls ? timers.turn(resolve) : timers.after(1, resolve)));
      }
    },
    settle: (ms = settleMs) => wait(runtime, ms),
  };
  return {
    context,
    async dispose() {
      const closing = [...transports.map((transport) => transport.close()), Promise.resolve()];
      await within(Promise.allSettled(closing), "closing").catch(() => undefined);
      await within(Promise.resolve(env.close()), "env.close()");
    },
  };
}

const wait = ({ timers }: Runtime, ms: number): Promise<void> => new Promise((resolve) => void timers.after(ms, resolve));
