import { TightbeamError } from "../../errors.js";
import type { LinkTarget } from "../../link/link-types.js";
import type { Address } from "../../transport/address.js";
import { TransportError } from "../../transport/transport.js";
import type { Desk } from "./desk.js";
import { forwardedFlag, kinds, readdress } from "./message.js";
import type { Bench, Seat } from "./seats.js";
import { createThrough } from "./through.js";

/** The next agent on the way: it gets what nobody here listens for, and we listen there for our clients. */
export interface Upstream {
  /** Its id. */
  readonly peer: string;
  readonly state: "up" | "down";
  /** Settles when it is up for the first time, or at the end. */
  readonly found: Promise<unknown>;
  /** Someone listens: so do we. Undefined, or settled when the next agent has agreed or cannot be reached; it is asked again when it can. Rejects with its refusal. */
  want(seat: Seat, hops: number): Promise<void> | undefined;
  /** Someone left. */
  settle(bench: Bench): void;
  /** The message is given away. False when it cannot leave now. */
  pass(message: Uint8Array, hops: number): boolean;
  stop(): void;
}

interface Listening {
  readonly ready: Promise<void>;
  leave(): Promise<void>;
}

/** What may wait for the next agent; the newest frames beyond it are lost. */
const queueBytes = 4 * 1024 * 1024;

export function createUpstream(desk: Desk, target: LinkTarget, onRefused: (error: TightbeamError) => void): Upstream {
  const wanted = new Map<Bench, Listening>();
  // What it refuses later is told and done without: our clients still reach each other.
  const through = createThrough(desk, target, onRefused);
  const found = through.look();

  /** A subscription that comes from there need not be told there. */
  const isWanted = ({ seats }: Bench): boolean => seats.some(({ link }) => link.peer.id !== target.id);

  const listen = (bench: Bench, hops: number): Listening => {
    const { at, group } = bench;
    const held = through.listen({
      at: at as Address,
      group,
      hops,
      take: (message, _, link) => desk.forwarder?.arrived(link, bench, message),
      lost: () => undefined,
    });
    const ready = new Promise<void>((resolve, reject) => {
      const stop = through.state.subscribe(({ type }) => {
        if (type === "down") resolve();
      });
      if (through.state.current === "down") resolve();
      held.confirmed
        .then(resolve, (error: unknown) => {
          if (wanted.get(bench)?.ready === ready) wanted.delete(bench);
          reject(refusedBy(target.id, error));
        })
        .finally(stop);
    });
    ready.catch(() => undefined);
    return { ready, leave: held.leave };
  };

  return {
    peer: target.id,
    found,
    get state() {
      return through.state.current;
    },
    want(seat, hops) {
      const { bench } = seat;
      const known = wanted.get(bench);
      // Who listens for others does not wait for who is waiting already: in a ring that would be itself.
      if (known !== undefined) return seat.relays ? undefined : known.ready;
      if (hops < 1 || !isWanted(bench)) return undefined;
      const listening = listen(bench, hops);
      wanted.set(bench, listening);
      return listening.ready;
    },
    settle(bench) {
      const listening = wanted.get(bench);
      if (listening === undefined || isWanted(bench)) return;
      wanted.delete(bench);
      void listening.leave();
    },
    pass(message, hops) {
      if (through.refusal() !== undefined || through.waiting > queueBytes) return false;
      readdress(message, kinds.send | forwardedFlag, hops, 0);
      through.send(message).catch(() => undefined);
      return true;
    },
    stop: () => void through.finish(undefined),
  };
}

const refusedBy = (id: string, cause: unknown): TightbeamError =>
  cause instanceof TransportError && cause.code === "denied"
    ? new TightbeamError("forbidden", `The next agent on the way, ${id}, does not let this one listen there: its token needs \`forward:*\`.`, { cause })
    : new TightbeamError("overloaded", `The next agent on the way, ${id}, did not take the subscription.`, { cause, retryAfter: 1_000 });
