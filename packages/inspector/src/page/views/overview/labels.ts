import type { AgentView, LinkView } from "../../../feed/types.js";
import type { Edge } from "../../model/edges.js";
import type { Model } from "../../model/model.js";
import { formatMs } from "../../parts/format.js";

export const edgeLabel = (edge: Edge, model: Model): string =>
  `Link ${model.name(edge.from)} to ${model.name(edge.to)}: ${edge.state}${edge.state === "up" ? `, round trip ${formatMs(edge.views[0]?.roundTrip)}` : ""}`;

export const agentLabel = (agent: AgentView, model: Model): string => `Agent ${model.name(agent.key)}: ${agentState(agent)}`;

export function agentState(agent: AgentView): string {
  if (agent.watched === "none") return "not watched";
  return agent.state === "up" && agent.ready === false ? "up, not ready" : agent.state;
}

/** The part of a suite's name that says how keys are agreed: `25519+MLKEM768`. */
export const suiteOf = (view: LinkView | undefined): string => view?.suite?.name.split("_")[2] ?? view?.suite?.name ?? "–";

export const queued = ({ queue }: Pick<LinkView, "queue">): number => queue.critical + queue.high + queue.normal + queue.low;
