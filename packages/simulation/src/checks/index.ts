import { answered, truthful } from "./answered.js";
import { memory, nonces, rest, secrecy } from "./bytes.js";
import type { Check } from "./check.js";
import { acknowledged, done, inTurn, sound } from "./durable.js";
import { genuine, once, order } from "./handled.js";
import { header } from "./header.js";
import { idempotent } from "./idempotent.js";
import { programs, settled } from "./settled.js";
import { committed, marked, restored } from "./states.js";
import { ended, streamed } from "./streams.js";
import { published, unbroken } from "./topics.js";

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
  committed,
  marked,
  restored,
  streamed,
  ended,
  published,
  unbroken,
  sound,
  header,
  secrecy,
  nonces,
  memory,
  rest,
];
