import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import { type Inside, insideOf } from "../inside.js";
import { bodyAt, decodeLoss, kindOf, kinds, subscriptionOf } from "./message.js";

/** A subscription of ours at an intermediate. */
export interface Listener {
  /** The link it was made on: a message for it counts only there. */
  link: Link | undefined;
  take(message: Uint8Array, body: number, link: Link): void;
  lost(frames: number, bytes: number): void;
}

/** What an agent that forwards does with what comes in. */
export interface Intake {
  join(link: Link, value: unknown): unknown;
  subscribe(link: Link, value: unknown): Promise<undefined>;
  unsubscribe(link: Link, value: unknown): undefined;
  /** A frame from a client. False when its sender is none, or may not. */
  take(link: Link, message: Uint8Array): boolean;
  /** A frame that the next agent had for those of our clients who listen there. */
  arrived(link: Link, bench: { readonly at: string; readonly group: string | undefined }, message: Uint8Array): void;
}

/** Where an agent's forwarded frames come in: for the forwarder it may be, and for its own transports through others. */
export interface Desk {
  readonly inside: Inside;
  /** By the numbers we gave them. */
  readonly listeners: Map<number, Listener>;
  nextNumber(): number;
  forwarder: Intake | undefined;
  /** Told that a peer forwards no longer. */
  readonly onStopped: Set<(link: Link) => void>;
  /** Messages that nothing here took: late ones of subscriptions that ended, or made up. */
  readonly stray: number;
}

const desks = new WeakMap<object, Desk>();

export function deskOf(agent: object): Desk {
  const inside = insideOf(agent);
  const known = desks.get(inside);
  if (known !== undefined) return known;
  const desk = createDesk(inside);
  desks.set(inside, desk);
  return desk;
}

function createDesk(inside: Inside): Desk {
  const listeners = new Map<number, Listener>();
  const onStopped = new Set<(link: Link) => void>();
  let number = 0;
  let stray = 0;

  const refuse = (link: Link, delivery: Delivery): void => {
    delivery.settle("refused");
    inside.host.onRefused({ peer: link.peer.id, error: new TightbeamError("invalid_envelope", "A forwarded frame came that nothing here takes.") });
  };

  const ofListener = (link: Link, message: Uint8Array, at: number): void => {
    const listener = listeners.get(subscriptionOf(message));
    if (listener === undefined || listener.link !== link) {
      stray++;
      return;
    }
    if (kindOf(message) === kinds.deliver) return listener.take(message, at, link);
    const loss = decodeLoss(message.subarray(at));
    if (loss !== undefined) listener.lost(loss.frames, loss.bytes);
  };

  const desk: Desk = {
    inside,
    listeners,
    forwarder: undefined,
    onStopped,
    get stray() {
      return stray;
    },
    nextNumber() {
      do number = number >= 2 ** 32 - 1 ? 1 : number + 1;
      while (listeners.has(number));
      return number;
    },
  };

  inside.frames.take = (link, delivery) => {
    const message = delivery.bytes;
    const at = delivery.intake && delivery.refused === undefined ? bodyAt(message) : 0;
    if (at === 0) return refuse(link, delivery);
    const kind = kindOf(message);
    if (kind === kinds.send) {
      if (desk.forwarder?.take(link, message) !== true) return refuse(link, delivery);
    } else if (kind === kinds.stopped) for (const told of [...onStopped]) told(link);
    else ofListener(link, message, at);
    delivery.settle("ok");
  };
  return desk;
}
