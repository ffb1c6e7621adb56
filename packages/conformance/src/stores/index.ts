export { writeUntilKilled } from "./crash-writer.js";
export type { StoreClause, StoreEnv, StoreRule, StoreRuleContext, StoreSubject } from "./rule.js";
export { storeRules } from "./rules/index.js";
export { runStoreRules } from "./run.js";
