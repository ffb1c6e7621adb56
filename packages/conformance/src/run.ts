import { createContext } from "./context.js";
import { checkSkips, judgeOutcome, type RuleResult } from "./outcome.js";
import type { Rule, Subject } from "./rule.js";
import { rules } from "./rules/index.js";

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
export const judge = (rule: Rule, subject: Subject): Promise<RuleResult> =>
  judgeOutcome(
    rule.id,
    subject.skip?.find((one) => one.rule === rule.id),
    () => runRule(rule, subject),
  );

/** Runs rules one after the other without a test framework. Default: all. Throws when a skip names no rule. */
export async function runRules(subject: Subject, only: readonly Rule[] = rules): Promise<RuleResult[]> {
  checkSkips(subject.skip ?? [], rules);
  const results: RuleResult[] = [];
  for (const rule of only) results.push(await judge(rule, subject));
  return results;
}
