import { contractSuite } from "./contract-suite.js";
import { durableSuite } from "./durable-suite.js";
import type { AgentSuiteOptions } from "./place.js";
import { presenceSuite } from "./presence-suite.js";
import { receivingSuite } from "./receiving-suite.js";
import { streamSuite } from "./stream-suite.js";
import { agentSuite } from "./suite.js";
import { topicSuite } from "./topic-suite.js";

/** Everything that holds whatever carries it: patterns add theirs here. */
export function allSuites(options: AgentSuiteOptions): void {
  agentSuite(options);
  streamSuite(options);
  presenceSuite(options);
  topicSuite(options);
  receivingSuite(options);
  contractSuite(options);
  durableSuite(options);
}
