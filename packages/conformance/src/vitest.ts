import { describe, it } from "vitest";
import { checkSkips, type RuleResult } from "./outcome.js";
import type { Skip, Subject } from "./rule.js";
import { rules } from "./rules/index.js";
import { judge } from "./run.js";
import type { StoreSubject } from "./stores/rule.js";
import { storeRules } from "./stores/rules/index.js";
import { judgeStore } from "./stores/run.js";

/** Time beside the waits of a rule, which has its own deadlines. */
const slackMs = 60_000;

/** Defines one test per rule of the transport contract. Call it at the top of a vitest file. */
export function testTransport(subject: Subject): void {
  define(`${subject.name}: the transport contract`, subject, rules, judge, subject.deadlineMs ?? 5_000);
}

/** Defines one test per rule of the contract of stores. Call it at the top of a vitest file. */
export function testStore(subject: StoreSubject): void {
  define(`${subject.name}: the contract of stores`, subject, storeRules, judgeStore, subject.deadlineMs ?? 20_000);
}

function define<R extends { readonly id: string; readonly title: string }, S extends { readonly skip?: readonly Skip[] | undefined }>(
  title: string,
  subject: S,
  all: readonly R[],
  judgeOne: (rule: R, subject: S) => Promise<RuleResult>,
  deadlineMs: number,
): void {
  checkSkips(subject.skip ?? [], all);
  describe(title, () => {
    for (const rule of all) {
      const skip = subject.skip?.find((one) => one.rule === rule.id);
      const note = skip === undefined ? "" : ` (skipped: ${skip.reason})`;
      it(`${rule.id} ${rule.title}${note}`, { timeout: deadlineMs + slackMs }, async () => {
        const result = await judgeOne(rule, subject);
        if (result.outcome === "failed") throw result.error;
      });
    }
  });
}
