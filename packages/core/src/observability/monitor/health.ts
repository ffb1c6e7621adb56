import type { AgentStatus } from "../../agent-types.js";
import { linksByState } from "./link-families.js";
import { type MonitoredAgents, type ObservedAgent, observe } from "./observed.js";

export type HealthCode =
  | "no_agents"
  | "transport_closed"
  | "transport_down"
  | "closing"
  | "links_suspect"
  | "breakers_open"
  | "presence_joining"
  | "presence_refused"
  | "store_failed"
  | "store_damaged"
  | "durable_blocked";

/** Why something is not as it should be. */
export interface HealthReason {
  /** As in the metrics: its id, with `#2` behind it for the second of one id. */
  readonly agent?: string;
  readonly code: HealthCode;
  /** What it means, and what to do. Names no peer. */
  readonly message: string;
}

export interface AgentHealth {
  readonly agent: string;
  readonly instance: string;
  readonly transport: AgentStatus["transport"];
  readonly presence: AgentStatus["presence"]["state"];
  readonly links: { readonly up: number; readonly suspect: number; readonly down: number };
}

export interface Health {
  /** `ok`: all is as it should be. `degraded`: something is not, and comes back by itself, or only part of the work suffers. `failed`: a new start is needed. */
  readonly status: "ok" | "degraded" | "failed";
  readonly reasons: readonly HealthReason[];
  readonly agents: readonly AgentHealth[];
}

/** Whether new work may be sent here. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly HealthReason[];
}

/** `failed`: nothing but a new start helps. `unready`: no new work for now. `notice`: neither. */
type Weight = "failed" | "unready" | "notice";

interface Finding extends HealthReason {
  readonly weight: Weight;
}

/** What each means, and what to do. */
export const healthMessages: Readonly<Record<HealthCode, readonly [Weight, string]>> = {
  no_agents: ["unready", "There is no agent yet, or no more: give createMonitoringHandler the agents it speaks for."],
  transport_closed: ["failed", "The transport has ended for good, or the agent was closed: start it again."],
  transport_down: ["unready", "The transport is disconnected and tries again by itself: look whether the relay or the broker can be reached."],
  closing: ["unready", "It finishes what it has begun and takes nothing new: it is being closed."],
  breakers_open: ["notice", "Breakers refuse calls that would fail: agent.status().breakers says to whom."],
  links_suspect: ["notice", "Peers are silent with something pending: look at them, and at the network between."],
  presence_joining: ["unready", "Its presence is not announced yet: others cannot find it."],
  presence_refused: ["unready", "The medium does not permit hints at the presence address: look at the permissions of its token or of its user at the broker."],
  store_failed: [
    "failed",
    "The store has failed for good, nothing durable is taken any more: look at the disk or the broker behind it, and start the agent again.",
  ],
  store_damaged: ["notice", "Entries of the store could not be read, what was in them is lost: agent.durable.status().damaged names them."],
  durable_blocked: [
    "notice",
    "A peer's store is not what it was, or it takes nothing durable: agent.durable.status().peers says which, and docs/durable.md what to do.",
  ],
};

const found = (code: HealthCode, agent?: string): Finding => {
  const [weight, message] = healthMessages[code];
  return { ...(agent !== undefined && { agent }), code, message, weight };
};

function judge({ name, status, durable }: ObservedAgent): readonly Finding[] {
  const { transport, presence, ready, breakers } = status;
  if (transport === "closed") return [found("transport_closed", name)];
  const codes: HealthCode[] = [];
  if (transport === "down") codes.push("transport_down");
  else if (presence.state === "joining") codes.push("presence_joining");
  if (presence.state === "refused") codes.push("presence_refused");
  if (transport === "up" && !ready) codes.push("closing");
  if (breakers.length > 0) codes.push("breakers_open");
  if (linksByState(status).suspect > 0) codes.push("links_suspect");
  if (durable?.failed !== undefined) codes.push("store_failed");
  if (durable !== undefined && durable.damaged.length > 0) codes.push("store_damaged");
  if (durable?.peers.some(({ blocked }) => blocked !== undefined && blocked !== "no_answer") === true) codes.push("durable_blocked");
  return codes.map((code) => found(code, name));
}

const judgeAll = (all: readonly ObservedAgent[]): readonly Finding[] => (all.length === 0 ? [found("no_agents")] : all.flatMap(judge));

const reasonOf = ({ agent, code, message }: Finding): HealthReason => ({ ...(agent !== undefined && { agent }), code, message });

/** What agents are like. */
export function healthOf(agents: MonitoredAgents): Health {
  const all = observe(agents);
  const findings = judgeAll(all);
  const failed = findings.some(({ weight }) => weight === "failed");
  return {
    status: failed ? "failed" : findings.length > 0 ? "degraded" : "ok",
    reasons: findings.map(reasonOf),
    agents: all.map(({ name, status }) => ({
      agent: name,
      instance: status.instance,
      transport: status.transport,
      presence: status.presence.state,
      links: linksByState(status),
    })),
  };
}

/** Whether all of them take new work. */
export function readinessOf(agents: MonitoredAgents): Readiness {
  const reasons = judgeAll(observe(agents)).filter(({ weight }) => weight !== "notice");
  return { ready: reasons.length === 0, reasons: reasons.map(reasonOf) };
}
