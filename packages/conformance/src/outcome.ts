import type { Skip } from "./rule.js";

export type RuleResult =
  | { readonly rule: string; readonly outcome: "passed" }
  | { readonly rule: string; readonly outcome: "failed"; readonly error: Error }
  | { readonly rule: string; readonly outcome: "skipped"; readonly reason: string };

/** Runs a rule and says how it went; a skip whose rule passes is a failure. */
export async function judgeOutcome(rule: string, skip: Skip | undefined, run: () => Promise<void>): Promise<RuleResult> {
  try {
    await run();
  } catch (error) {
    if (skip !== undefined) return { rule, outcome: "skipped", reason: skip.reason };
    return { rule, outcome: "failed", error: error instanceof Error ? error : new Error(String(error)) };
  }
  if (skip === undefined) return { rule, outcome: "passed" };
  return { rule, outcome: "failed", error: new Error(`${rule} passes, so its skip is stale ("${skip.reason}"): remove it.`) };
}

/** Throws when a skip names no rule or gives no reason. */
export function checkSkips(skips: readonly Skip[], rules: readonly { readonly id: string }[]): void {
  for (const { rule, reason } of skips) {
    if (!rules.some((one) => one.id === rule)) throw new Error(`A skip names "${rule}", which is no rule.`);
    if (reason.trim() === "") throw new Error(`The skip of ${rule} needs a reason.`);
  }
}
