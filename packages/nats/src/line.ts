import { TransportError } from "@tightbeam/core/transport";
import type { NatsConnection } from "./connection.js";

/** Waiting on a connection that may be lost at any moment, without ever hanging on it: the client's `flush()` may not settle then. */
export interface Line {
  readonly up: boolean;
  /** A round trip: the server has processed what was written before. Rejects when the connection is lost or ended meanwhile. */
  roundTrip(): Promise<void>;
  /** Resolves when the connection is usable. Rejects at the end. */
  untilUp(): Promise<void>;
  setUp(): void;
  /** Whatever waits for an answer gives up. */
  setDown(why: TransportError): void;
  /** Whatever waits at all gives up. */
  end(why: TransportError): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (why: TransportError) => void;
}

export function createLine(connection: NatsConnection): Line {
  const answers = new Set<Waiter>();
  const ups = new Set<Waiter>();
  let up = false;
  let ended: TransportError | undefined;

  const wait = (waiters: Set<Waiter>, start?: () => Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = () => waiters.delete(waiter);
      const waiter: Waiter = {
        resolve() {
          leave();
          resolve();
        },
        reject(why) {
          leave();
          reject(why);
        },
      };
      waiters.add(waiter);
      start?.().then(waiter.resolve, (cause: unknown) =>
        waiter.reject(new TransportError("unavailable", "The connection was lost before the server answered.", { cause })),
      );
    });
  const settle = (waiters: Set<Waiter>, call: (waiter: Waiter) => void) => {
    for (const waiter of [...waiters]) call(waiter);
  };

  return {
    get up() {
      return up;
    },
    roundTrip: () => (ended === undefined ? wait(answers, () => connection.flush()) : Promise.reject(ended)),
    untilUp() {
      if (ended !== undefined) return Promise.reject(ended);
      return up ? Promise.resolve() : wait(ups);
    },
    setUp() {
      up = true;
      settle(ups, ({ resolve }) => resolve());
    },
    setDown(why) {
      up = false;
      settle(answers, ({ reject }) => reject(why));
    },
    end(why) {
      up = false;
      ended = why;
      settle(answers, ({ reject }) => reject(why));
      settle(ups, ({ reject }) => reject(why));
    },
  };
}
