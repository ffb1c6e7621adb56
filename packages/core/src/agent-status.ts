import type { AgentStatus } from "./agent-types.js";
import type { Links } from "./link/links-types.js";
import type { Server } from "./patterns/answering/server-types.js";
import type { Caller } from "./patterns/asking/caller-types.js";
import type { DeadLetterOffice } from "./patterns/dead-letters/dead-letters.js";
import type { AgentDurable, DurableStatus } from "./patterns/durable/types.js";
import type { Presence } from "./patterns/presence/presence.js";
import type { Streams } from "./patterns/streams/streams.js";
import type { CallPolicy } from "./resilience/types.js";
import type { Transport } from "./transport/transport.js";

interface Parts {
  readonly identity: { readonly id: string };
  readonly instance: string;
  readonly transport: Pick<Transport, "name" | "state" | "closed">;
  readonly links: Pick<Links, "list" | "handshakes" | "budget">;
  readonly presence: Pick<Presence, "status">;
  readonly caller: Pick<Caller, "waiting" | "late">;
  readonly server: Pick<Server, "running" | "queued">;
  readonly streams: Pick<Streams, "counts">;
  readonly policy: Pick<CallPolicy, "status"> | undefined;
  readonly durable: { readonly api: AgentDurable };
  readonly letters: DeadLetterOffice | undefined;
}

/** Enough to see that something is wrong: all of them are in `policy.status()`. */
const breakersMax = 100;

function breakersOf(policy: Parts["policy"]): AgentStatus["breakers"] {
  const steps = policy?.status() ?? [];
  const all = steps.flatMap((step) => (step.kind === "breaker" ? step.circuits.filter(({ state }) => state !== "closed") : []));
  return all.slice(0, breakersMax).map(({ peer, method, state }) => ({ peer, method, state }));
}

function durableOf({ peers, receiving }: DurableStatus): AgentStatus["durable"] {
  const sum = { queued: 0, inFlight: 0, bytes: 0, receiving };
  for (const { queued, inFlight, bytes } of peers) {
    sum.queued += queued;
    sum.inFlight += inFlight;
    sum.bytes += bytes;
  }
  return sum;
}

/** `agent.status()`: a snapshot, made when it is asked for; nothing in it changes later. */
export function createStatus({ identity, instance, transport, links, presence, caller, server, streams, ...parts }: Parts) {
  let closed = false;
  void transport.closed.then(() => {
    closed = true;
  });
  return (closing: boolean): AgentStatus => {
    const state = closed ? "closed" : transport.state.current;
    return {
      id: identity.id,
      instance,
      transport: state,
      medium: transport.name,
      ready: state === "up" && !closing,
      links: links.list().map((link) => link.status()),
      handshakes: { ...links.handshakes, refused: { ...links.handshakes.refused } },
      presence: presence.status(),
      calls: { waiting: caller.waiting, running: server.running, queued: server.queued, late: caller.late },
      streams: streams.counts,
      memory: { used: links.budget.used, most: links.budget.most },
      breakers: breakersOf(parts.policy),
      durable: durableOf(parts.durable.api.status()),
      deadLetters: parts.letters?.size,
    };
  };
}
