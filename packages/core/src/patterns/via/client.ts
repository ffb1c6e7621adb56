import type { Link } from "../../link/link-types.js";
import { copyOf, encodeLoss, encodeMessage, kinds, owned, readdress } from "./message.js";
import { createOutlet, type Outlet } from "./outlet.js";
import type { Seat } from "./seats.js";

const none = new Uint8Array(0);

/** What waits for all clients together. */
export interface Queues {
  /** Bytes. */
  used: number;
  readonly most: number;
  readonly mostForOne: number;
}

/** What one agent has, over all its links. */
export interface AgentShare {
  links: number;
  /** Bytes that wait. Never more than are left to all others, so that one agent does not take the room of all. */
  queued: number;
  /** Copies of its frames that it may have made, and when they were last counted (monotonic ms). One frame may overshoot, and is paid for afterwards. */
  copies: number;
  copiesAt: number;
}

export interface DeliveryCounters {
  delivered: number;
  dropped: number;
}

/** One link over which frames come and go, as its intermediate knows it. */
export interface Client {
  readonly link: Link;
  /** Whose permissions the seats were judged by: another object once the peer has shown another token. */
  judged: Link["peer"];
  readonly seats: Map<number, Seat>;
  readonly outlet: Outlet;
  /** The message becomes the receiver's: what waits for a slow one is bounded, and its newest frames are dropped, told of and missed by nobody else. */
  deliver(seat: Seat, message: Uint8Array, frameBytes: number, hops: number, isLast: boolean): void;
  /** Tells the client what it has missed, once there is room for more. */
  report(): void;
  forget(seat: Seat): void;
  end(): void;
}

export function createClient(link: Link, queues: Queues, share: AgentShare, counters: DeliveryCounters): Client {
  const losses = new Map<number, { frames: number; bytes: number }>();

  const drop = (seat: Seat, frameBytes: number): void => {
    counters.dropped++;
    const loss = losses.get(seat.id) ?? { frames: 0, bytes: 0 };
    losses.set(seat.id, loss);
    loss.frames++;
    loss.bytes += frameBytes;
  };

  const report = (): void => {
    if (losses.size === 0 || link.state !== "up" || outlet.waiting * 2 > queues.mostForOne) return;
    for (const [id, { frames, bytes }] of losses) {
      // Forgotten first: what is pushed here may make room, and come back.
      losses.delete(id);
      outlet.push(encodeMessage(kinds.dropped, 0, id, "", encodeLoss(frames, bytes)));
    }
  };

  const outlet = createOutlet(link, (by) => {
    queues.used += by;
    share.queued += by;
    if (by < 0) report();
  });

  return {
    link,
    judged: link.peer,
    seats: new Map(),
    outlet,
    deliver(seat, message, frameBytes, hops, isLast) {
      const { length } = message;
      const isFull = outlet.waiting + length > queues.mostForOne || share.queued + length > queues.most - queues.used - length;
      if (isFull || link.state === "down") return drop(seat, frameBytes);
      const own = isLast ? owned(message) : copyOf(message);
      readdress(own, kinds.deliver, hops, seat.id);
      if (!outlet.push(own)) return drop(seat, frameBytes);
      counters.delivered++;
    },
    report,
    forget: (seat) => void losses.delete(seat.id),
    end() {
      losses.clear();
      outlet.clear();
    },
  };
}

/** Tells a client that its frames go nowhere from now on. */
export const tellStopped = (client: Client): void => void client.outlet.push(encodeMessage(kinds.stopped, 0, 0, "", none));
