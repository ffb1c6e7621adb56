import { permits } from "@tightbeam/core/identity";
import { type Address, agentAddress, inboxAddress, isAgentId, parseInbox } from "@tightbeam/core/transport";

export interface RelayAgent {
  readonly id: string;
  readonly instance: string;
  /** From the token. */
  readonly permissions: readonly string[];
}

export type RelayAction = "subscribe" | "send";

/**
 * Asked beside the built-in rule, whose answer is `allowed`: return it to keep it, anything else to narrow or widen. An answer to "send" is remembered for a socket
 * and address until the token is renewed or rechecked. What throws denies.
 */
export type RelayPolicy = (agent: RelayAgent, action: RelayAction, address: Address, group: string | undefined, allowed: boolean) => boolean;

/**
 * The built-in rule. Listen: at `agent/<own id>` in the group `<own id>`, at `inbox/<own id>/<own instance>`, and nowhere deeper.
 * Send: to any agent or inbox. `presence/<realm>`, both ways, with the permission `transport:presence` (every realm) or
 * `transport:presence:<realm>`.
 */
export function allowedByDefault(agent: RelayAgent, action: RelayAction, address: Address, group: string | undefined): boolean {
  if (address.startsWith("presence/")) return group === undefined && mayPresence(agent, address.slice("presence/".length));
  if (action === "send") return (address.startsWith("agent/") && isAgentId(address.slice("agent/".length))) || parseInbox(address) !== undefined;
  if (address === agentAddress(agent.id)) return group === agent.id;
  return address === inboxAddress(agent.id, agent.instance) && group === undefined;
}

const mayPresence = ({ permissions }: RelayAgent, realm: string): boolean =>
  !realm.includes("/") && (permits(permissions, "transport:presence") || permits(permissions, `transport:presence:${realm}`));

export function isAllowed(policy: RelayPolicy | undefined, agent: RelayAgent, action: RelayAction, address: Address, group?: string): boolean {
  const allowed = allowedByDefault(agent, action, address, group);
  if (policy === undefined) return allowed;
  try {
    return policy(agent, action, address, group, allowed) === true;
  } catch {
    return false;
  }
}

/** Remembers answers about sending, because it stands in the way of every frame. Bounded, and forgotten as a whole. */
export interface SendRules {
  /** False for what may not be sent to. */
  allows(to: Address): boolean;
  forget(): void;
}

const rememberedMax = 1_024;

export function createSendRules(policy: RelayPolicy | undefined, agent: () => RelayAgent): SendRules {
  const answers = new Map<Address, boolean>();
  return {
    allows(to) {
      const known = answers.get(to);
      if (known !== undefined) return known;
      if (answers.size >= rememberedMax) answers.clear();
      const answer = isAllowed(policy, agent(), "send", to);
      answers.set(to, answer);
      return answer;
    },
    forget: () => answers.clear(),
  };
}
