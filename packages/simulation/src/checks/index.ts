import { answered, truthful } from "./answered.js";
import { memory, nonces, secrecy } from "./bytes.js";
import type { Check } from "./check.js";
import { acknowledged, done, inTurn, sound } from "./durable.js";
import { genuine, once, order } from "./handled.js";
import { idempotent } from "./idempotent.js";
import { programs, settled } from "./settled.js";

/** What must hold in every simulation, whatever the agents and the faults. */
export const invariants: readonly Check[] = [
  settled,
  programs,
  genuine,
  once,
  order,
  idempotent,
  answered,
  truthful,
  acknowledged,
  done,
  inTurn,
  sound,
  secrecy,
  nonces,
  memory,
];
