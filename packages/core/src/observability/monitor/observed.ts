import type { Agent } from "../../agent-types.js";
import type { DeadLetterStatistics } from "../../patterns/dead-letters/types.js";
import type { DurableStatus } from "../../patterns/durable/types.js";

/** What says how it is doing: an agent. */
export type MonitoredAgent = Pick<Agent, "status"> & Partial<Pick<Agent, "durable" | "deadLetters">>;

export type MonitoredAgents = MonitoredAgent | readonly MonitoredAgent[] | (() => readonly MonitoredAgent[]);

/** An agent's state at one time, and what it is called in metrics. */
export interface ObservedAgent {
  readonly name: string;
  readonly status: ReturnType<Agent["status"]>;
  readonly durable: DurableStatus | undefined;
}

/** An agent and its dead letters; undefined where it has none, or they cannot be read now. */
export interface ObservedLetters extends ObservedAgent {
  readonly letters: DeadLetterStatistics | undefined;
}

const listOf = (agents: MonitoredAgents): readonly MonitoredAgent[] => (typeof agents === "function" ? agents() : "status" in agents ? [agents] : agents);

/** Two agents of one id in a process are told apart as `alice` and `alice#2`, in the order in which they are given. */
export function observe(agents: MonitoredAgents): readonly ObservedAgent[] {
  const seen = new Map<string, number>();
  return listOf(agents).map((agent) => {
    const status = agent.status();
    const count = (seen.get(status.id) ?? 0) + 1;
    seen.set(status.id, count);
    return { name: count === 1 ? status.id : `${status.id}#${count}`, status, durable: agent.durable?.status() };
  });
}

export async function observeLetters(agents: MonitoredAgents): Promise<readonly ObservedLetters[]> {
  const all = listOf(agents);
  const letters = await Promise.all(all.map(async ({ deadLetters }) => deadLetters?.statistics().catch(() => undefined)));
  return observe(all).map((each, i) => ({ ...each, letters: letters[i] }));
}
