import { TightbeamError } from "../errors.js";
import type { LinkTarget } from "../link/link-types.js";
import { isAgentId, isInstance } from "../transport/address.js";

/** Whom an operation is for: an agent, or one instance of it. */
export type Target = string | LinkTarget;

/** The last name that was checked: most agents talk to few. */
let last: LinkTarget | undefined;

/** Undefined for what is no target. */
export function toTarget(target: Target): LinkTarget | undefined {
  if (typeof target === "string") {
    if (target !== last?.id) last = isAgentId(target) ? { id: target } : undefined;
    return last;
  }
  const { id, instance } = target;
  return isAgentId(id) && (instance === undefined || isInstance(instance)) ? target : undefined;
}

export const notATarget = (): Promise<never> =>
  Promise.reject(new TightbeamError("invalid_argument", "A target is an agent id ([realm/]name of A-Z a-z 0-9 _ -) or { id, instance }."));
