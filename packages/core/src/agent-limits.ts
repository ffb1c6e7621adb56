import type { AgentLimits } from "./agent-types.js";
import * as limits from "./limits.js";
import type { AnnouncedLimits } from "./secure/types.js";

/** Those of an agent's limits that its peers are told. */
export const announcedOf = (own: AgentLimits): AnnouncedLimits => ({
  maxMessageBytes: own.messageMaxBytes ?? limits.messageMaxBytes,
  intakeCount: own.intakeCount ?? limits.intakeCount,
  intakeBytes: own.intakeBytes ?? limits.intakeBytes,
});
