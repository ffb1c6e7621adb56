export type { RuleResult } from "./outcome.js";
export type { Clause, Rule, RuleContext, Skip, Subject, TransportEnv } from "./rule.js";
export { losslessRules, rules } from "./rules/index.js";
export { runRule, runRules } from "./run.js";
