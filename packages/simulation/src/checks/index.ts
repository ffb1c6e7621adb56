import { answered, truthful } from "./answered.js";
import { memory, nonces, secrecy } from "./bytes.js";
import type { Check } from "./check.js";
import { genuine, idempotent, once, order } from "./handled.js";
import { programs, settled } from "./settled.js";

/** What must hold in every simulation, whatever the agents and the faults. */
export const invariants: readonly Check[] = [settled, programs, genuine, once, order, idempotent, answered, truthful, secrecy, nonces, memory];
