import type { AgentStatus } from "../agent-types.js";
import type { AgentTelemetry } from "../telemetry/types.js";

/** What metrics need of an agent. */
export interface WatchedAgent {
  readonly id: string;
  readonly telemetry: AgentTelemetry;
  status(): AgentStatus;
}
