import type { AgentStatus } from "./agent-types.js";
import type { Links } from "./link/links.js";
import type { Admission } from "./patterns/admission.js";
import type { Caller } from "./patterns/caller.js";
import type { Presence } from "./patterns/presence/presence.js";
import type { Server } from "./patterns/server.js";
import type { Streams } from "./patterns/streams/streams.js";

interface Parts {
  readonly identity: { readonly id: string };
  readonly instance: string;
  readonly transport: AgentStatus["transport"];
  readonly links: Pick<Links, "list" | "handshakes" | "budget">;
  readonly presence: Pick<Presence, "status">;
  readonly caller: Pick<Caller, "waiting" | "late">;
  readonly server: Pick<Server, "running">;
  readonly admission: Pick<Admission, "places">;
  readonly streams: Pick<Streams, "counts">;
}

/** A snapshot: nothing in it changes later, but for the counters of handshakes. */
export const statusOf = ({ identity, instance, transport, links, presence, caller, server, admission, streams }: Parts): AgentStatus => ({
  id: identity.id,
  instance,
  transport,
  links: links.list().map((link) => link.status()),
  handshakes: links.handshakes,
  presence: presence.status(),
  calls: { waiting: caller.waiting, running: server.running, queued: admission.places.queued, late: caller.late },
  streams: streams.counts,
  memory: { used: links.budget.used, most: links.budget.most },
});
