/** ms. The windows are made of these, the one that runs included. */
const slotMs = 10_000;

/** How far back rates look, in slots: one minute, five, fifteen. */
const windows = { minute: 6, fiveMinutes: 30, quarterHour: 90 } as const;
const slots = windows.quarterHour;

/** A second, so that the first message is not 1,000 a second. */
const spanMinMs = 1_000;

/**
 * How many a second, over windows that end now. A window is up to 10 s shorter than its name, and as long as counting has gone on when that is shorter still.
 */
export interface Rates {
  readonly minute: number;
  readonly fiveMinutes: number;
  readonly quarterHour: number;
}

/** Counts by time: 90 slots of 10 s. */
export interface RateCounter {
  add(now: number): void;
  rates(now: number): Rates;
}

/** `now` is the monotonic clock's, ms, as in all calls. */
export function createRateCounter(now: number): RateCounter {
  const counts = new Uint32Array(slots);
  const began = now;
  let current = Math.floor(now / slotMs);

  /** Empties what the time has passed by. */
  const move = (to: number): void => {
    const slot = Math.floor(to / slotMs);
    if (slot <= current) return;
    if (slot - current >= slots) counts.fill(0);
    else for (let each = current + 1; each <= slot; each++) counts[each % slots] = 0;
    current = slot;
  };

  return {
    add(at) {
      move(at);
      const slot = current % slots;
      counts[slot] = (counts[slot] as number) + 1;
    },
    rates(at) {
      move(at);
      const over = (length: number): number => {
        let sum = 0;
        for (let back = 0; back < length; back++) sum += counts[(current - back + slots) % slots] as number;
        const span = Math.max(spanMinMs, Math.min(at - began, at - (current - length + 1) * slotMs));
        return (sum * 1_000) / span;
      };
      return { minute: over(windows.minute), fiveMinutes: over(windows.fiveMinutes), quarterHour: over(windows.quarterHour) };
    },
  };
}
