import { checkKnown } from "../known-options.js";
import * as limits from "../limits.js";
import type { Links } from "../link/links-types.js";
import { checkOperation } from "./asking/operation.js";
import { notATarget, type Target, toTarget } from "./asking/target.js";
import type { Peers } from "./peers/peers.js";
import type { Routing } from "./peers/routing.js";
import type { AgentLink, AgentPeer, Views } from "./view.js";

/** What an agent shows of its links and of those it knows: `agent.link`, `links`, `peers` and `onPeer`. */
export const createSight = (view: Views, peers: Peers, routing: Routing, links: Links) => ({
  async link(peer: Target, linkOptions: { readonly timeout?: number | undefined; readonly signal?: AbortSignal | undefined } = {}): Promise<AgentLink> {
    const to = toTarget(peer) ?? (await notATarget());
    checkOperation(linkOptions);
    return view.link(await routing.connect(to, { timeout: linkOptions.timeout ?? limits.requestTimeoutMs, signal: linkOptions.signal }));
  },
  links: (id?: string) => links.list(id).map(view.link),
  peers({ kind, ...unknown }: { readonly kind?: string | undefined } = {}) {
    checkKnown("peers()", unknown, ["kind"]);
    peers.seek();
    return peers.list(kind).map(view.peer);
  },
  onPeer(listener: (event: { readonly type: "up" | "changed" | "gone"; readonly peer: AgentPeer }) => void) {
    peers.seek();
    return peers.onChange((type, link) => (type === "ready" ? undefined : listener({ type, peer: view.peer(link) })));
  },
});
