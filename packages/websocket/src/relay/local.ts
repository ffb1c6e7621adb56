import type { Identity } from "@tightbeam/core/identity";
import {
  type AddressTable,
  type AwaitUsing,
  awaitUsing,
  createClosed,
  createInbox,
  createTransportState,
  frameOverheadBytes,
  type Inbox,
  isAddress,
  isAgentId,
  type Runtime,
  TightbeamError,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import { type Reason, reasonHint } from "../reasons.js";
import type { Lease } from "./lease.js";
import type { RelayLimits } from "./limits.js";
import { createSendRules, isAllowed, type RelayAgent, type RelayPolicy } from "./policy.js";
import type { Registry } from "./registry.js";

/** Sent since the last turn before `send` makes its caller wait. */
const highWaterBytes = 1024 * 1024;

export interface LocalContext {
  readonly runtime: Runtime;
  readonly limits: RelayLimits;
  readonly table: AddressTable;
  readonly registry: Registry;
  readonly policy: RelayPolicy | undefined;
  readonly lease: Lease;
  readonly inboxBytes: number;
  readonly left: (local: Local) => void;
}

export interface Local {
  readonly transport: Transport & AwaitUsing & { readonly instance: string };
  /** The relay itself ends. */
  close(): void;
}

/** An agent in the relay's own process: the same table and the same rules, without a socket between. */
export function createLocal(identity: Identity, instance: string, permissions: readonly string[], context: LocalContext): Local {
  const { runtime, limits, table, registry, policy, lease, inboxBytes } = context;
  const { timers } = runtime;
  const agent: RelayAgent = { id: identity.id, instance, permissions };
  const rules = createSendRules(policy, () => agent);
  const { state, change } = createTransportState("up");
  const end = createClosed();
  const seats = new Set<{ readonly inbox: Inbox; readonly remove: () => void }>();
  let cause: TransportError | undefined;
  let sent = 0;
  let counting = false;
  let gate: { readonly promise: Promise<void>; readonly open: () => void } | undefined;

  const finish = (why: TransportError | undefined) => {
    if (end.settled) return;
    cause = why;
    registry.leave(agent.id, instance, occupant);
    for (const { inbox, remove } of seats) {
      remove();
      inbox.close();
    }
    seats.clear();
    end.settle(why);
    gate?.open();
    change({ type: "down", cause: why });
    context.left(local);
  };
  const occupant = {
    thumbprint: identity.key.thumbprint,
    end: (reason: Reason) => finish(new TransportError("replaced", `Another connection took this instance's place: ${reasonHint(reason)}.`)),
  };
  const turn = () => {
    counting = false;
    sent = 0;
    gate?.open();
    gate = undefined;
  };
  /** Frames are in inboxes and sockets at once; what was sent in this turn is the local buffer. It never depends on a receiver (T7). */
  const outflow = (frame: Uint8Array): Promise<void> => {
    sent += frame.byteLength + frameOverheadBytes;
    // Most turns send little: the count of several costs them nothing, and stops no one earlier than at half.
    if (!counting && sent * 2 > highWaterBytes) {
      counting = true;
      timers.turn(turn);
    }
    if (sent <= highWaterBytes) return done;
    gate ??= createGate();
    return gate.promise.then(() => {
      if (cause !== undefined) throw ended(cause);
    });
  };

  const transport = awaitUsing<Local["transport"]>({
    instance,
    capabilities: { maxFrameBytes: limits.maxFrameBytes, groups: true, fanout: true, frontBytes: localFrontBytes },
    state,
    closed: end.closed,
    send(to, frame, given = false) {
      if (end.settled) return Promise.reject(ended(cause));
      if (frame.byteLength > limits.maxFrameBytes) return Promise.reject(tooLarge(frame.byteLength, limits.maxFrameBytes));
      if (!rules.allows(to)) return Promise.reject(isAddress(to) ? forbidden(to) : notAnAddress());
      if (given) lease.give(frame, (taken) => table.route(to, taken));
      else lease.lend(frame, (lent) => table.route(to, lent));
      return outflow(frame);
    },
    async subscribe(at, receive, { group } = {}) {
      if (end.settled) throw ended(cause);
      if (!isAddress(at)) throw notAnAddress();
      if (group !== undefined && !isAgentId(group)) throw new TightbeamError("invalid_argument", "A group is named like an agent: [realm/]name.");
      if (!isAllowed(policy, agent, "subscribe", at, group)) throw forbidden(at);
      const inbox = createInbox({ at, receive, timers, maxBytes: inboxBytes, onDropped: change });
      // A receiver gets plain bytes that are its own: a Buffer's `slice` shares.
      const own = (frame: Uint8Array) => (lease.take(frame) ? new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength) : new Uint8Array(frame));
      const remove = table.add(at, { deliver: (frame) => void inbox.push(own(frame), lease.offering) }, group);
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
  const local: Local = { transport, close: () => finish(new TransportError("closed", "The relay in this process was closed.")) };
  const refused = registry.claim(agent.id, instance, occupant);
  if (refused === "instance_taken") throw new TransportError("denied", `This instance of ${agent.id} is connected with another key.`);
  if (refused === "too_many") throw new TransportError("denied", `${agent.id} has as many instances connected as the relay's instancesPerAgent allows.`);
  return local;
}

/** The front of a frame for a socket goes before it as a part of its own; this only says that frames may be given. */
const localFrontBytes = 1;

const done: Promise<void> = Promise.resolve();

function createGate() {
  let open = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open: () => open() };
}

const ended = (cause: TransportError | undefined): TransportError => new TransportError("closed", "This transport has ended; connect another one.", { cause });
const tooLarge = (bytes: number, most: number): TransportError =>
  new TransportError("too_large", `A frame of ${bytes} bytes exceeds the relay's ${most}; send smaller frames.`);
const forbidden = (address: string): TransportError => new TransportError("denied", `The relay's policy does not allow ${address}.`);
const notAnAddress = (): TightbeamError => new TightbeamError("invalid_address", "Addresses come from address(); this string is outside the grammar.");
