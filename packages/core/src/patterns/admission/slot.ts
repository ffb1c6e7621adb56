import type { Link } from "../../link/link-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Admission, AdmissionLimits } from "./admission.js";
import type { Guards } from "./guards.js";

/** What an agent's admission is made of, and the admission once something has come that it decides on: see admission-of.ts. Whoever needs one brings its code along. */
export interface AdmissionSlot extends Pick<Admission, "permits"> {
  readonly runtime: Runtime;
  readonly guards: Guards | undefined;
  readonly limits: AdmissionLimits;
  made: Admission | undefined;
}

export const admissionSlot = (runtime: Runtime, guards: Guards | undefined, limits: AdmissionLimits): AdmissionSlot => ({
  runtime,
  guards,
  limits,
  made: undefined,
  permits: (link: Link, permission: string) => guards?.permits?.(link.peer, permission) !== false,
});
