import type { Chance } from "../random.js";
import type { Fault, FaultKind } from "./types.js";

export interface DrawOptions {
  readonly agents: readonly string[];
  /** ms of the phase with faults. */
  readonly duration: number;
  /** At most so many. Default 6. */
  readonly most?: number | undefined;
  /** Default: all. */
  readonly kinds?: readonly FaultKind[] | undefined;
}

export const faultKinds: readonly FaultKind[] = [
  "drop",
  "duplicate",
  "delay",
  "reorder",
  "truncate",
  "flip",
  "replay",
  "splice",
  "partition",
  "oneWay",
  "cut",
  "flap",
  "crash",
  "pause",
  "jump",
  "drift",
  "full",
  "torn",
  "fsync",
  "rot",
  "header",
];

/** Up to `most` faults that fit into the duration. */
export function drawFaults(chance: Chance, { agents, duration, most = 6, kinds = faultKinds }: DrawOptions): Fault[] {
  if (kinds.length === 0) return [];
  return Array.from({ length: chance.below(most + 1) }, () => drawFault(chance, chance.pick(kinds), agents, duration));
}

function drawFault(chance: Chance, kind: FaultKind, agents: readonly string[], duration: number): Fault {
  const at = Math.floor(chance.between(0, duration * 0.9));
  const during = { at, for: Math.ceil(chance.between(duration * 0.02, duration * 0.5)) };
  const agent = chance.pick(agents);
  const others = agents.filter((name) => name !== agent);
  const other = others.length === 0 ? agent : chance.pick(others);
  switch (kind) {
    case "partition":
    case "oneWay":
      return { kind, from: agent, to: other, ...during };
    case "cut":
      return { kind, agent, ...during };
    case "flap":
      return { kind, agent, ...during, ms: Math.ceil(chance.between(20, 400)) };
    case "crash":
    case "pause":
    case "full":
    case "torn":
    case "fsync":
      return { kind, agent, ...during };
    case "rot":
    case "header":
      return { kind, agent, at };
    case "jump":
      return { kind, agent, at, by: Math.floor(chance.between(-600_000, 600_000)) };
    case "drift":
      return { kind, agent, ...during, rate: Math.round(chance.between(0.8, 1.25) * 1_000) / 1_000 };
    default: {
      const anybody = chance.is(0.5);
      const ms = Math.ceil(kind === "replay" ? chance.between(100, duration) : chance.between(5, 400));
      const probability = Math.round(chance.between(0.02, kind === "drop" ? 0.6 : 0.3) * 100) / 100;
      return { kind, from: anybody ? "*" : agent, to: anybody ? "*" : other, probability, ms, ...during };
    }
  }
}
