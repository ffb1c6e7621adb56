import { type Admission, createAdmission } from "./admission.js";
import type { AdmissionSlot } from "./slot.js";

/** The one of this agent, made when it is first needed. */
export function admissionOf(slot: AdmissionSlot): Admission {
  slot.made ??= createAdmission(slot.runtime, slot.guards, slot.limits);
  return slot.made;
}
