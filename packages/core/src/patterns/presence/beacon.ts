import { concat } from "../../bytes.js";
import type { TightbeamError } from "../../errors.js";
import type { Identity } from "../../identity/types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Address } from "../../transport/address.js";
import type { Transport } from "../../transport/transport.js";
import { encodeHint, hintText, type Roles } from "./hint.js";

export interface BeaconOptions {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly identity: Identity;
  readonly instance: string;
  readonly at: Address;
  /** ms. */
  readonly every: number;
  readonly roles: () => Roles;
  readonly onSent: () => void;
  readonly onFailed: (error: unknown) => void;
}

/** Says again and again that this instance is there. */
export interface Beacon {
  /** The next hint goes within so many ms, but not sooner after the last one than `gapMs`. */
  soon(ms: number): void;
  /** The last hint. Settles when it was handed over, or cannot be. */
  farewell(): Promise<void>;
  stop(): void;
}

/** Between two hints, whatever asks for them. */
const gapMs = 250;
/** Hints are spread by a tenth of their interval each way, so that agents which began together do not speak together for ever. */
const jitter = 0.1;
/** A hint says how long it holds: until three more should have come, and a little. */
export const patience = 3.5;

export function createBeacon({ runtime, transport, identity, instance, at, every, roles, onSent, onFailed }: BeaconOptions): Beacon {
  const { clock, timers, random } = runtime;
  let counter = 0;
  let lastAt = -gapMs;
  let dueAt = Number.POSITIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let stopped = false;
  /** Hints leave one after the other, in the order of their counters. */
  let turn: Promise<void> = Promise.resolve();

  const chance = (): number => (random.bytes(1)[0] as number) / 256;

  const write = async (leaves: boolean): Promise<Uint8Array> => {
    const now = clock.wall();
    counter = Math.max(counter + 1, now);
    const { key, id } = identity;
    const hint = { ...roles(), leaves, every, counter, expires: now + Math.ceil(patience * every), id, instance, key: key.publicJwk };
    const body = encodeHint(hint);
    return concat(body, await key.sign(hintText(at, body)));
  };

  const say = async (leaves: boolean): Promise<void> => {
    if (transport.state.current === "down") return;
    try {
      await transport.send(at, await write(leaves));
      onSent();
    } catch (error) {
      onFailed(error as TightbeamError);
    }
  };

  const schedule = (ms: number): void => {
    cancel?.();
    dueAt = clock.monotonic() + ms;
    cancel = timers.after(
      ms,
      () => {
        lastAt = clock.monotonic();
        schedule(every * (1 - jitter + 2 * jitter * chance()));
        turn = turn.then(() => (stopped ? undefined : say(false)));
      },
      { background: true },
    );
  };

  return {
    soon(ms) {
      if (stopped) return;
      const now = clock.monotonic();
      const then = Math.max(now + ms * chance(), lastAt + gapMs);
      if (then < dueAt) schedule(then - now);
    },
    farewell() {
      this.stop();
      return turn.then(() => say(true));
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
