import { type Address, isAgentId, parseInbox } from "../transport/address.js";

/** What was dialled, and therefore who has to answer. */
export interface Target {
  readonly to: Address;
  readonly id: string;
  readonly instance: string | undefined;
}

/** Undefined for an address that cannot be dialled. */
export function parseTarget(to: Address): Target | undefined {
  const inbox = parseInbox(to);
  if (inbox !== undefined) return { to, id: inbox.agentId, instance: inbox.instance };
  const id = to.startsWith("agent/") ? to.slice("agent/".length) : undefined;
  return isAgentId(id) ? { to, id, instance: undefined } : undefined;
}
