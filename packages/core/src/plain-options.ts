import type { AgentOptions } from "./agent-types.js";
import { onDemand } from "./on-demand.js";
import { isAgentId, isInstance } from "./transport/address.js";

const loadChecks = onDemand(() => import("./agent-options.js"));

/** Those that most agents have, and those that the pattern they are for judges itself. */
const plain = ["identity", "trust", "transport", "allowClassical", "presence", "kinds", "load", "policy", "deadLetters", "idempotency"];

/** Rejects with `invalid_argument` for what is missing, broken or unknown. What is checked of other options, and what to say of wrong ones, is loaded with the first of them. */
export async function checkOptions(options: AgentOptions): Promise<void> {
  if (!isPlain(options)) (await loadChecks()).checkAgentOptions(options);
}

/** False is no fault yet. True only for what `checkAgentOptions` takes. */
function isPlain(options: Partial<AgentOptions> | undefined): boolean {
  const { identity, trust, transport } = options ?? {};
  const functions: unknown[] = [
    identity?.key?.sign,
    identity?.token,
    trust?.verify,
    trust?.recheck,
    transport?.send,
    transport?.subscribe,
    transport?.close,
    transport?.state?.subscribe,
    transport?.closed?.then,
  ];
  return (
    functions.every((each) => typeof each === "function") &&
    typeof transport?.capabilities === "object" &&
    transport.capabilities !== null &&
    (transport.instance === undefined || isInstance(transport.instance)) &&
    isAgentId(identity?.id) &&
    Object.keys(options as object).every((name) => plain.includes(name))
  );
}
