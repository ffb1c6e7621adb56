import { createContext } from "./context.js";
import type { Rule, Subject } from "./rule.js";
import { rules } from "./rules/index.js";

export type RuleResult =
  | { readonly rule: string; readonly outcome: "passed" }
  | { readonly rule: string; readonly outcome: "failed"; readonly error: Error }
  | { readonly rule: string; readonly outcome: "skipped"; readonly reason: string };

/** Runs one rule on an environment of its own. Throws what the rule throws. */
export async function runRule(rule: Rule, subject: Subject): Promise<void> {
  const { context, dispose } = createContext(await subject.create(), subject);
  let failed = true;
  try {
    await rule.run(context);
    failed = false;
  } finally {
    // The rule's own failure says more than a clean-up that fails because of it.
    await (failed ? dispose().catch(() => undefined) : dispose());
  }
}

/** Runs one rule and says how it went; a skip whose rule passes is a failure. */
export async function judge(rule: Rule, subject: Subject): Promise<RuleResult> {
  const skip = subject.skip?.find((one) => one.rule === rule.id);
  try {
    await runRule(rule, subject);
  } catch (error) {
    if (skip !== undefined) return { rule: rule.id, outcome: "skipped", reason: skip.reason };
    return { rule: rule.id, outcome: "failed", error: error instanceof Error ? error : new Error(String(error)) };
  }
  if (skip === undefined) return { rule: rule.id, outcome: "passed" };
  return { rule: rule.id, outcome: "failed", error: new Error(`${rule.id} passes, so its skip is stale ("${skip.reason}"): remove it.`) };
}

/** Runs rules one after the other without a test framework. Default: all. Throws when a skip names no rule. */
export async function runRules(subject: Subject, only: readonly Rule[] = rules): Promise<RuleResult[]> {
  checkSkips(subject);
  const results: RuleResult[] = [];
  for (const rule of only) results.push(await judge(rule, subject));
  return results;
}

export function checkSkips({ skip = [] }: Subject): void {
  for (const { rule, reason } of skip) {
    if (!rules.some((one) => one.id === rule)) throw new Error(`A skip names "${rule}", which is no rule.`);
    if (reason.trim() === "") throw new Error(`The skip of ${rule} needs a reason.`);
  }
}
