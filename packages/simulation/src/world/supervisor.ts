import type { Scheduler } from "../clock/scheduler.js";
import type { Listed } from "../faults/types.js";
import { createChance } from "../random.js";
import type { Network } from "./network.js";
import type { Station } from "./station.js";

/** Has faults begin and end, each by itself: two of a kind at the same agent end with the later one. */
export interface Supervisor {
  /** Ends all that goes on. */
  heal(): void;
}

export interface SupervisorOptions {
  readonly seed: number;
  readonly faults: readonly Listed[];
  readonly stations: ReadonlyMap<string, Station>;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly onFault: (fault: Listed, what: string) => void;
}

export function supervise({ seed, faults, stations, network, scheduler, onFault }: SupervisorOptions): Supervisor {
  const going = new Map<Listed, () => void>();
  /** What keeps something from working, by agent: it works again when nothing does. */
  const holds = {
    crash: new Map<string, Set<number>>(),
    pause: new Map<string, Set<number>>(),
    cut: new Map<string, Set<number>>(),
    full: new Map<string, Set<number>>(),
  };
  let healed = false;

  const hold = (kind: keyof typeof holds, agent: string, id: number, first: () => void, last: () => void): (() => void) => {
    const held = holds[kind].get(agent) ?? new Set();
    holds[kind].set(agent, held);
    if (held.size === 0) first();
    held.add(id);
    return () => {
      if (held.delete(id) && held.size === 0) last();
    };
  };

  const flap = (station: Station, agent: string, id: number, ms: number): (() => void) => {
    let over = false;
    let release: (() => void) | undefined;
    const toggle = (): void => {
      if (over) return;
      if (release === undefined) release = hold("cut", agent, id, station.cut, station.restore);
      else {
        release();
        release = undefined;
      }
      scheduler.at(scheduler.now + ms, toggle);
    };
    toggle();
    return () => {
      over = true;
      release?.();
    };
  };

  /** Returns what ends it; undefined when it is over at once. */
  const begin = (fault: Listed): (() => void) | undefined => {
    if ("from" in fault) {
      network.begin(fault);
      return () => network.end(fault);
    }
    const { agent, id } = fault;
    const station = stations.get(agent);
    if (station === undefined) return undefined;
    switch (fault.kind) {
      case "crash":
        return hold("crash", agent, id, station.crash, station.start);
      case "pause":
        return hold("pause", agent, id, station.pause, station.resume);
      case "cut":
        return hold("cut", agent, id, station.cut, station.restore);
      case "flap":
        return flap(station, agent, id, fault.ms ?? 200);
      case "full":
        return hold(
          "full",
          agent,
          id,
          () => station.disk.setFull(true),
          () => station.disk.setFull(false),
        );
      case "torn": {
        let release: (() => void) | undefined;
        station.disk.onFlush(() => {
          station.disk.onFlush(undefined);
          release = hold("crash", agent, id, station.crash, station.start);
        });
        return () => {
          station.disk.onFlush(undefined);
          release?.();
        };
      }
      case "fsync":
        station.disk.failFlush(true);
        // As whoever watches over it would: a store that failed is of no use to its process any more.
        return () => {
          station.disk.failFlush(false);
          if (station.disk.broken) hold("crash", agent, id, station.crash, station.start)();
        };
      case "rot":
      case "header": {
        const key = station.disk.rot(createChance(seed, "fault", id), fault.kind);
        if (key !== undefined) onFault(fault, `changed ${key}`);
        return undefined;
      }
      case "jump":
        station.clocks.jump(fault.by);
        return undefined;
      case "drift":
        station.clocks.setRate(fault.rate);
        return () => station.clocks.setRate(1);
    }
  };

  for (const fault of faults) {
    scheduler.at(fault.at, () => {
      if (healed) return;
      onFault(fault, "begins");
      const end = begin(fault);
      if (end === undefined) return;
      going.set(fault, end);
      const length = "for" in fault ? fault.for : 0;
      scheduler.at(fault.at + length, () => {
        if (!going.delete(fault)) return;
        onFault(fault, "ends");
        end();
      });
    });
  }

  return {
    heal() {
      healed = true;
      for (const [fault, end] of [...going]) {
        going.delete(fault);
        onFault(fault, "ends");
        end();
      }
    },
  };
}
