import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import type { Store } from "@tightbeam/core/store";
import { judgeOutcome, type RuleResult } from "../outcome.js";
import type { StoreEnv, StoreRule, StoreRuleContext, StoreSubject } from "./rule.js";
import { storeRules } from "./rules/index.js";

/** Runs one rule and says how it went; a skip whose rule passes is a failure. */
export const judgeStore = (rule: StoreRule, subject: StoreSubject): Promise<RuleResult> =>
  judgeOutcome(
    rule.id,
    subject.skip?.find((one) => one.rule === rule.id),
    () => runStoreRule(rule, subject),
  );

/** Runs rules one after the other without a test framework. Default: all. */
export async function runStoreRules(subject: StoreSubject, only: readonly StoreRule[] = storeRules): Promise<RuleResult[]> {
  const results: RuleResult[] = [];
  for (const rule of only) results.push(await judgeStore(rule, subject));
  return results;
}

async function runStoreRule(rule: StoreRule, subject: StoreSubject): Promise<void> {
  const { context, dispose } = createStoreContext(await subject.create(), subject);
  let failed = true;
  try {
    await rule.run(context);
    failed = false;
  } finally {
    await (failed ? dispose().catch(() => undefined) : dispose());
  }
}

/** ms between two looks at a condition. */
const pollMs = 2;

function createStoreContext(env: StoreEnv, { deadlineMs = 20_000, runtime = systemRuntime() }: StoreSubject) {
  const stores: Store[] = [];
  const writers: { kill(): Promise<void> }[] = [];
  const within = withinOf(runtime, deadlineMs);
  const context: StoreRuleContext = {
    within,
    turn: () => new Promise((resolve) => runtime.timers.turn(resolve)),
    async open() {
      const store = await within(env.open(), "open()");
      stores.push(store);
      return store;
    },
    async startWriter(confirmed) {
      const writer = await within(env.startWriter(confirmed), "startWriter()");
      writers.push(writer);
      return writer;
    },
    async breakFlush() {
      await env.breakFlush();
    },
    async eventually(condition, what) {
      const until = runtime.clock.monotonic() + deadlineMs;
      while (!condition()) {
        if (runtime.clock.monotonic() > until) throw new Error(`${what}: not within ${deadlineMs} ms`);
        await new Promise<void>((resolve) => void runtime.timers.after(pollMs, resolve));
      }
    },
  };
  return {
    context,
    async dispose() {
      const closing = [...writers.map((writer) => writer.kill()), ...stores.map((store) => store.close())];
      await within(Promise.allSettled(closing), "closing").catch(() => undefined);
      await within(Promise.resolve(env.close()), "env.close()");
    },
  };
}

const withinOf =
  ({ timers }: Runtime, deadlineMs: number): StoreRuleContext["within"] =>
  (promise, what) =>
    new Promise((resolve, reject) => {
      const cancel = timers.after(deadlineMs, () => reject(new Error(`${what}: not settled within ${deadlineMs} ms`)));
      promise.then(resolve, reject).finally(cancel);
    });
