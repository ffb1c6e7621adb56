import { describe, it } from "vitest";
import type { Subject } from "./rule.js";
import { rules } from "./rules/index.js";
import { checkSkips, judge } from "./run.js";

/** Time beside the waits of a rule, which has its own deadlines. */
const slackMs = 60_000;

/** Defines one test per rule of the transport contract. Call it at the top of a vitest file. */
export function testTransport(subject: Subject): void {
  checkSkips(subject);
  describe(`${subject.name}: the transport contract`, () => {
    for (const rule of rules) {
      const skip = subject.skip?.find((one) => one.rule === rule.id);
      const note = skip === undefined ? "" : ` (skipped: ${skip.reason})`;
      it(`${rule.id} ${rule.title}${note}`, { timeout: (subject.deadlineMs ?? 5_000) + slackMs }, async () => {
        const result = await judge(rule, subject);
        if (result.outcome === "failed") throw result.error;
      });
    }
  });
}
