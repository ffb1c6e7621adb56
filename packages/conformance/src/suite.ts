export type { Clause, Rule, RuleContext, Skip, Subject, TransportEnv } from "./rule.js";
export { losslessRules, rules } from "./rules/index.js";
export { type RuleResult, runRule, runRules } from "./run.js";
