import {
  type Address,
  type AwaitUsing,
  awaitUsing,
  checkKnown,
  createClosed,
  createInbox,
  createTransportState,
  frameOverheadBytes,
  type Inbox,
  isAddress,
  TightbeamError,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import { type Hub, mediumOf, type Port } from "./hub.js";
import { createOutflow } from "./outflow.js";

const defaultInboxBytes = 4 * 1024 * 1024;

export interface MemoryOptions {
  /** Bound of each subscription's inbox in bytes, 64 counted for every frame beside its own. Default 4 MiB, at least one frame of the hub's largest size. */
  readonly inboxBytes?: number | undefined;
  /** As at a relay: a transport with an instance ends an earlier one of the same instance, whose `closed` resolves with `replaced`. */
  readonly instance?: string | undefined;
}

const names: readonly (keyof MemoryOptions)[] = ["inboxBytes", "instance"];

/** Connects to a hub. Rejects `unavailable` while the hub is cut and `closed` after its end. */
export async function connectMemory(hub: Hub, options: MemoryOptions = {}): Promise<Transport & AwaitUsing> {
  const medium = mediumOf(hub);
  checkKnown("connectMemory", options, names);
  const { inboxBytes = defaultInboxBytes, instance } = options;
  const smallest = medium.maxFrameBytes + frameOverheadBytes;
  if (!Number.isSafeInteger(inboxBytes) || inboxBytes < smallest) {
    throw new TightbeamError("invalid_argument", `inboxBytes is a whole number of at least ${smallest}: one frame of the largest size must fit.`);
  }
  if (medium.ended !== undefined) throw ended(medium.ended);
  if (!medium.up) throw unavailable();

  const { timers } = medium.runtime;
  const { state, change } = createTransportState("up");
  const end = createClosed();
  const outflow = createOutflow(timers);
  const seats = new Set<{ readonly inbox: Inbox; readonly remove: () => void }>();
  let cause: TransportError | undefined;
  let restored: { readonly resolve: () => void; readonly promise: Promise<void> } | undefined;

  const finish = (why: TransportError | undefined) => {
    if (end.settled) return;
    cause = why;
    medium.detach(port);
    for (const { inbox, remove } of seats) {
      remove();
      inbox.close();
    }
    seats.clear();
    end.settle(why);
    outflow.end(why === undefined ? undefined : ended(why));
    change({ type: "down", cause: why });
    restored?.resolve();
  };
  const port: Port = {
    instance,
    up() {
      change({ type: "up" });
      restored?.resolve();
      restored = undefined;
    },
    down: (why) => change({ type: "down", cause: why }),
    end: finish,
  };
  const untilUp = (): Promise<void> => {
    restored ??= signal();
    return restored.promise;
  };

  medium.attach(port);
  return awaitUsing<Transport & AwaitUsing>({
    name: "memory",
    capabilities: { maxFrameBytes: medium.maxFrameBytes, groups: true, fanout: true },
    state,
    closed: end.closed,
    send(to, frame) {
      if (end.settled) return Promise.reject(ended(cause));
      if (state.current === "down") return Promise.reject(unavailable());
      if (frame.byteLength > medium.maxFrameBytes) return Promise.reject(tooLarge(frame.byteLength, medium.maxFrameBytes));
      if (medium.carry(to, frame) === 0 && !isAddress(to)) return Promise.reject(notAnAddress());
      return outflow.add(frame);
    },
    async subscribe(at: Address, receive, { group } = {}) {
      if (!isAddress(at)) throw notAnAddress();
      while (!end.settled && state.current === "down") await untilUp();
      if (end.settled) throw ended(cause);
      const inbox = createInbox({ at, receive, timers, maxBytes: inboxBytes, onDropped: change });
      // Every receiver owns its bytes, and a Buffer's own slice would share them.
      const remove = medium.table.add(at, { deliver: (frame) => void inbox.push(new Uint8Array(frame)) }, group);
      const seat = { inbox, remove };
      seats.add(seat);
      return async () => {
        seats.delete(seat);
        remove();
        inbox.close();
      };
    },
    async close() {
      finish(undefined);
    },
  });
}

function signal() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: () => resolve() };
}

const ended = (cause: TransportError | undefined): TransportError => new TransportError("closed", "This transport has ended; connect another one.", { cause });
const unavailable = (): TransportError => new TransportError("unavailable", "The memory hub is cut; send again when the state is up.");
const tooLarge = (bytes: number, most: number): TransportError =>
  new TransportError("too_large", `A frame of ${bytes} bytes exceeds this medium's ${most}; send smaller frames.`);
const notAnAddress = (): TightbeamError => new TightbeamError("invalid_address", "Addresses come from address(); this string is outside the grammar.");
