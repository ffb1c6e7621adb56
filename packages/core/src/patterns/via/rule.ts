import { permits } from "../../identity/permissions.js";
import { isAgentId } from "../../transport/address.js";

/** What the rule needs of an authenticated peer. */
export interface Listener {
  readonly id: string;
  /** Of its token. */
  readonly permissions: readonly string[];
}

const agent = "agent/";
const inbox = "inbox/";
export const presence = "presence/";

/** The realm whose hints an agent exchanges: the part of its id before the slash, `_` without one. */
const realmOf = (id: string): string => (id.includes("/") ? id.slice(0, id.indexOf("/")) : "_");

/** Whose address this is: the agent of `agent/<id>` and `inbox/<id>/<one segment>`. */
function ownerOf(at: string): string | undefined {
  const id = at.startsWith(agent) ? at.slice(agent.length) : at.startsWith(inbox) ? at.slice(inbox.length, at.lastIndexOf("/")) : undefined;
  return isAgentId(id) ? id : undefined;
}

/**
 * Whether this peer may listen there: at `agent/<own id>`, `inbox/<own id>/<one segment>` and `presence/<own realm>`. For others only when its token
 * says `forward:<their id>`, for other realms `forward:presence:<realm>`; `forward:*` is all of them. Whether there is a policy makes no difference.
 */
export function mayListen(peer: Listener, at: string): boolean {
  if (at.startsWith(presence)) return mayReach(peer, at);
  const owner = ownerOf(at);
  return owner !== undefined && (owner === peer.id || permits(peer.permissions, `forward:${owner}`));
}

/** Whether it is the peer's own address, or its realm's: it needs no permission to listen there. */
export const isOwn = ({ id }: Listener, at: string): boolean => mayListen({ id, permissions: [] }, at);

/** Whether this peer may send there: anywhere, but to the hints of its own realm only, since those reach many. */
export function mayReach(peer: Listener, to: string): boolean {
  if (!to.startsWith(presence)) return true;
  const realm = to.slice(presence.length);
  return !realm.includes("/") && (realm === realmOf(peer.id) || permits(peer.permissions, `forward:presence:${realm}`));
}
