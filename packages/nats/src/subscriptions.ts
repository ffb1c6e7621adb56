import {
  type Address,
  countGarbage,
  createInbox,
  type Inbox,
  type Receive,
  type StateChange,
  type Timers,
  TransportError,
  type Unsubscribe,
} from "@tightbeam/core/transport";
import { describe } from "./causes.js";
import type { NatsConnection, NatsSubscription } from "./connection.js";
import type { Line } from "./line.js";

/** A larger frame is one of many as a rule: those of several reads are handed over together and acknowledged together. */
const aloneBelowBytes = 4 * 1024;

/** A subscription that was taken away is asked for again after this: permissions can be given back while a connection lasts. */
const askAgainMs = 10_000;

interface Seat {
  readonly at: Address;
  readonly subject: string;
  readonly queue: string | undefined;
  readonly inbox: Inbox;
  /** The client's own, which it repeats by itself on every new connection. Undefined once the server has refused it. */
  held: NatsSubscription | undefined;
  refused: TransportError | undefined;
  /** `subscribe` has resolved: a later refusal is told as a state change. */
  confirmed: boolean;
}

/** What this side listens to. */
export interface Subscriptions {
  add(at: Address, subject: string, queue: string | undefined, receive: Receive): Promise<Unsubscribe>;
  /** Asks again for what a server refused before: the connection is a new one, perhaps with other permissions. */
  renew(): void;
  /** Stops all delivery and lets the client forget the subscriptions. */
  end(): void;
}

export interface SubscriptionsOptions {
  readonly connection: NatsConnection;
  readonly line: Line;
  readonly timers: Timers;
  readonly inboxBytes: number;
  readonly change: (change: StateChange) => void;
}

export function createSubscriptions({ connection, line, timers, inboxBytes, change }: SubscriptionsOptions): Subscriptions {
  const seats = new Set<Seat>();

  const open = (seat: Seat) => {
    if (seat.held !== undefined) return;
    seat.refused = undefined;
    seat.held = connection.subscribe(seat.subject, {
      ...(seat.queue === undefined ? {} : { queue: seat.queue }),
      callback(error, message) {
        if (error !== null && error !== undefined) return refuse(seat, error);
        // The client's views share the bytes of a socket read with other messages, or are put together from several: the receiver gets bytes of its own.
        const frame = new Uint8Array(message.data);
        countGarbage(frame.length);
        seat.inbox.push(frame, frame.length < aloneBelowBytes);
      },
    });
  };
  const refuse = (seat: Seat, cause: unknown) => {
    seat.held = undefined;
    const wanted = seat.queue === undefined ? seat.subject : `${seat.subject} in the queue group ${seat.queue}`;
    const says = `The NATS server does not let this side subscribe to ${seat.at}; allow the subject ${wanted}, or correct \`prefix\`, login or agent id.`;
    seat.refused = new TransportError("denied", says, { cause });
    if (!seat.confirmed) return;
    change({ type: "send_failed", to: seat.at, error: seat.refused });
    timers.after(askAgainMs, () => void (seats.has(seat) && line.up && open(seat)), { background: true });
  };
  const leave = (seat: Seat) => {
    seats.delete(seat);
    seat.inbox.close();
    try {
      seat.held?.unsubscribe();
    } catch {
      // The connection has ended, and the subscription with it.
    }
    seat.held = undefined;
  };

  /** Resolves when the server has taken it: after its answer to what was written before, or with the connection's next coming up, which follows such an answer. */
  const confirm = async (seat: Seat) => {
    await line.untilUp();
    open(seat);
    try {
      await line.roundTrip();
    } catch {
      await line.untilUp();
    }
    if (seat.refused !== undefined) throw seat.refused;
  };

  return {
    async add(at, subject, queue, receive) {
      const inbox = createInbox({ at, receive, timers, maxBytes: inboxBytes, onDropped: change });
      const seat: Seat = { at, subject, queue, inbox, held: undefined, refused: undefined, confirmed: false };
      seats.add(seat);
      try {
        await confirm(seat);
      } catch (error) {
        leave(seat);
        throw error instanceof TransportError ? error : describe(error, `Could not subscribe to ${at}`, "failed");
      }
      seat.confirmed = true;
      return async () => {
        if (!seats.has(seat)) return;
        leave(seat);
        // So that the server sends this seat's share to the others of the group once this has resolved.
        if (line.up) await line.roundTrip().catch(() => undefined);
      };
    },
    renew() {
      for (const seat of seats) if (seat.refused !== undefined && seat.confirmed) open(seat);
    },
    end() {
      for (const seat of [...seats]) leave(seat);
    },
  };
}
