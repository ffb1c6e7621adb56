import { createClosed, createInbox, createTransportState, type Inbox, isAddress, type Transport, TransportError } from "@tightbeam/core/transport";
import type { Network } from "./network.js";
import type { Process } from "./process.js";

const maxFrameBytes = 1024 * 1024;
/** What the wire takes at one instant; whoever sends more waits a moment. */
const highWaterBytes = 4 * 1024 * 1024;

export interface SimulatedTransport extends Transport {
  /** Takes it down and up again, as a socket that is cut. */
  cut(): void;
  restore(): void;
  /** Gone with its process: without a word to anybody. */
  vanish(): void;
}

interface Seat {
  readonly inbox: Inbox;
  readonly remove: () => void;
}

/** A process's way into the network. */
export function createTransport(process: Process, network: Network): SimulatedTransport {
  const { timers, clock } = process.runtime;
  const { state, change } = createTransportState("up");
  const end = createClosed();
  const seats = new Set<Seat>();
  let waiting: (() => void)[] = [];
  let instant = 0;
  let taken = 0;

  const isFull = (bytes: number): boolean => {
    const now = clock.monotonic();
    if (now !== instant) taken = 0;
    instant = now;
    taken += bytes;
    return taken > highWaterBytes;
  };
  const release = (): void => {
    const ready = waiting;
    waiting = [];
    for (const run of ready) run();
  };
  const empty = (): void => {
    for (const { inbox, remove } of seats) {
      remove();
      inbox.close();
    }
    seats.clear();
  };

  return {
    capabilities: { maxFrameBytes, groups: true, fanout: true },
    state,
    closed: end.closed,
    async send(to, frame) {
      if (end.settled) throw ended();
      if (state.current === "down") throw unavailable();
      if (frame.byteLength > maxFrameBytes)
        throw new TransportError("too_large", `A frame of ${frame.byteLength} bytes exceeds this medium's ${maxFrameBytes}.`);
      if (!isAddress(to)) throw notAnAddress();
      if (process.alive) network.send(process.agent, to, frame);
      if (isFull(frame.byteLength)) await new Promise<void>((resolve) => void timers.after(1, resolve));
    },
    async subscribe(at, receive, { group } = {}) {
      if (!isAddress(at)) throw notAnAddress();
      while (!end.settled && state.current === "down") await new Promise<void>((resolve) => waiting.push(resolve));
      if (end.settled) throw ended();
      const inbox = createInbox({ at, receive, timers, onDropped: change });
      const listener = {
        agent: process.agent,
        get up() {
          return state.current === "up";
        },
        deliver: (frame: Uint8Array) => process.post(() => void inbox.push(frame.slice())),
      };
      const seat = { inbox, remove: network.add(at, listener, group) };
      seats.add(seat);
      return async () => {
        seats.delete(seat);
        seat.remove();
        inbox.close();
      };
    },
    async close() {
      if (end.settled) return;
      empty();
      end.settle(undefined);
      change({ type: "down", cause: undefined });
      release();
    },
    cut() {
      if (!end.settled) change({ type: "down", cause: unavailable() });
    },
    restore() {
      if (end.settled) return;
      change({ type: "up" });
      release();
    },
    vanish: empty,
  };
}

const ended = (): TransportError => new TransportError("closed", "This transport has ended.");
const unavailable = (): TransportError => new TransportError("unavailable", "The simulation has cut this transport.");
const notAnAddress = (): TransportError => new TransportError("failed", "Addresses come from address(); this string is outside the grammar.");
