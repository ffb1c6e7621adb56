import type { BreakerMoment } from "../telemetry/types.js";

/** Which breakers of an agent let not everything through: those that do are forgotten. */
export interface Breakers {
  note(moment: BreakerMoment): void;
  count(): Readonly<Record<"open" | "half_open", number>>;
}

/** As many as are kept of their agent: beyond them new ones are not counted. */
const breakersMax = 10_000;

export function createBreakers(): Breakers {
  const states = new Map<string, "open" | "half_open">();
  return {
    note({ peer, method, what }) {
      const key = `${peer} ${method}`;
      if (what === "closed") states.delete(key);
      else if (states.has(key) || states.size < breakersMax) states.set(key, what);
    },
    count() {
      const counts = { open: 0, half_open: 0 };
      for (const state of states.values()) counts[state]++;
      return counts;
    },
  };
}
