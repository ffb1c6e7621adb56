import { type Address, createAddressTable } from "@tightbeam/core/transport";
import type { Scheduler } from "../clock/scheduler.js";
import type { FrameFault, Listed, PartitionFault } from "../faults/types.js";
import { type Chance, createChance } from "../random.js";
import type { TraceDetail } from "../trace.js";
import { type Flight, tamper } from "./tamper.js";

/** Who listens at an address. */
export interface Listener {
  readonly agent: string;
  readonly up: boolean;
  deliver(frame: Uint8Array): void;
}

/** The medium between all processes: it loses what a fault tells it to, and nothing else. */
export interface Network {
  send(from: string, to: Address, frame: Uint8Array): void;
  /** Returns a function that ends it. */
  add(at: Address, listener: Listener, group: string | undefined): () => void;
  begin(fault: Listed & (FrameFault | PartitionFault)): void;
  end(fault: Listed): void;
  /** Frames under way. */
  readonly underWay: number;
}

export interface NetworkOptions {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly record: (agent: string, detail: TraceDetail) => void;
}

/** More is lost: nobody can fill the memory of the simulation. */
const underWayMax = 100_000;
/** Inboxes that a splice may choose from. */
const inboxesKept = 64;

export function createNetwork({ seed, scheduler, record }: NetworkOptions): Network {
  const table = createAddressTable();
  const framing = new Map<number, { readonly fault: FrameFault; readonly chance: Chance }>();
  const walls = new Map<number, PartitionFault>();
  const ways = new Map<string, { readonly takes: number; last: number }>();
  const inboxes: string[] = [];
  const lastFrames = new Map<string, Uint8Array>();
  let underWay = 0;
  let sender = "";

  const wayOf = (from: string, to: string) => {
    const name = `${from}>${to}`;
    let way = ways.get(name);
    if (way === undefined) {
      way = { takes: createChance(seed, "way", name).between(0.2, 4), last: 0 };
      ways.set(name, way);
    }
    return way;
  };
  const walled = (from: string, to: string): boolean => {
    for (const { kind, from: a, to: b } of walls.values()) if ((a === from && b === to) || (kind === "partition" && a === to && b === from)) return true;
    return false;
  };
  const remember = (to: string, frame: Uint8Array): void => {
    if (!to.startsWith("inbox/")) return;
    if (!lastFrames.has(to)) {
      inboxes.push(to);
      if (inboxes.length > inboxesKept) lastFrames.delete(inboxes.shift() as string);
    }
    lastFrames.set(to, frame);
  };

  const fly = (from: string, { to, frame, extra, inOrder }: Flight): void => {
    if (underWay >= underWayMax) return;
    const way = wayOf(from, to);
    const due = scheduler.now + way.takes + extra;
    const at = inOrder ? Math.max(due, way.last) : due;
    if (inOrder) way.last = at;
    underWay += 1;
    scheduler.at(at, () => {
      underWay -= 1;
      sender = from;
      table.route(to as Address, frame);
    });
  };

  return {
    get underWay() {
      return underWay;
    },
    send(from, to, bytes) {
      const frame = bytes.slice();
      record(from, { type: "frame", to, frame });
      remember(to, frame);
      let flights: readonly Flight[] = [{ to, frame, extra: 0, inOrder: true }];
      const target = to.split("/")[1] ?? "";
      for (const [id, { fault, chance }] of framing) {
        if (!((fault.from === "*" || fault.from === from) && (fault.to === "*" || fault.to === target))) continue;
        flights = flights.flatMap((flight) => {
          const changed = tamper(flight, { fault, chance, inboxes, last: (other) => lastFrames.get(other) });
          if (changed === undefined) return [flight];
          record(from, { type: "fault", fault: id, what: changed.what });
          return changed.flights;
        });
      }
      for (const flight of flights) fly(from, flight);
    },
    add(at, listener, group) {
      const deliver = (frame: Uint8Array): void => {
        if (listener.up && !walled(sender, listener.agent)) listener.deliver(frame);
      };
      return table.add(at, { deliver }, group);
    },
    begin(fault) {
      if ("probability" in fault) framing.set(fault.id, { fault, chance: createChance(seed, "fault", fault.id) });
      else walls.set(fault.id, fault);
    },
    end({ id }) {
      walls.delete(id);
      framing.delete(id);
    },
  };
}
