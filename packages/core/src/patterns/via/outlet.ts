import type { Link } from "../../link/link-types.js";
import type { MessageWatch, Sent } from "../../link/message.js";

/** What a message costs beside its bytes while it waits: else empty ones would be free. */
export const messageCost = 64;

/** All frames share a lane, so that they keep their order: normal. */
const lane = 2;

/** Messages on their way into one link. What the next record has room for does not wait; the rest is counted until it is in the link's window. */
export interface Outlet {
  /** Bytes that wait, `messageCost` for each message among them. */
  readonly waiting: number;
  /** Hands it over: the bytes are the link's own from here on. False when the link takes nothing. */
  push(bytes: Uint8Array): boolean;
  /** Forgets what waits and is not under way yet. */
  clear(): void;
}

/** `changed`: so many bytes more wait, or fewer. */
export function createOutlet(link: Link, changed: (by: number) => void): Outlet {
  const queued = new Set<Waiting>();
  const outlet = {
    waiting: 0,
    push(bytes: Uint8Array): boolean {
      if (link.offer({ bytes, lane, intake: true })) return true;
      const message = new Waiting(bytes.length + messageCost, (done) => {
        queued.delete(done);
        outlet.waiting -= done.cost;
        changed(-done.cost);
      });
      try {
        message.sent = link.send({ bytes, lane, intake: true, watch: message });
      } catch {
        return false;
      }
      queued.add(message);
      outlet.waiting += message.cost;
      changed(message.cost);
      return true;
    },
    clear(): void {
      for (const message of [...queued]) if (message.sent?.giveUp() === true) message.lost();
    },
  };
  return outlet;
}

class Waiting implements MessageWatch {
  readonly cost: number;
  sent: Sent | undefined;
  #over: ((message: Waiting) => void) | undefined;

  constructor(cost: number, over: (message: Waiting) => void) {
    this.cost = cost;
    this.#over = over;
  }

  sealed(): void {
    const over = this.#over;
    this.#over = undefined;
    over?.(this);
  }

  lost(): void {
    this.sealed();
  }
}
