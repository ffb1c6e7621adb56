import { decodeHeader } from "../../envelope/wire.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import type { Taps } from "../taps.js";
import type { OutLane } from "./out-lane.js";
import type { OutMessage } from "./out-message.js";

/** The messages under way to one peer: never more than its window takes. */
export class OutFlight {
  count = 0;
  #bytes = 0;
  /** All go there, and count there as one that waits: while there are any, a peer that is silent is asked whether it lives. */
  #link: Link | undefined;

  /** For one more of this lane. */
  hasRoom({ lane }: OutLane): boolean {
    // What is urgent has a part of the window for itself.
    const window = lane === 0 ? keptLimits.durableWindow : keptLimits.durableWindow - keptLimits.durableWindowUrgent;
    return this.count < window && this.#bytes < keptLimits.durableWindowBytes;
  }

  add(link: Link, lane: OutLane, message: OutMessage, bytes: number): void {
    if (this.#link === undefined) {
      this.#link = link;
      link.awaited++;
    }
    lane.flight.set(message.number, message);
    this.count++;
    this.#bytes += bytes;
  }

  /** It is under way no more. False when it was not. */
  landed(lane: OutLane, message: OutMessage): boolean {
    if (!lane.flight.delete(message.number)) return false;
    if (--this.count === 0 && this.#link !== undefined) {
      this.#link.awaited--;
      this.#link = undefined;
    }
    this.#bytes -= message.segment?.size(message.start) ?? 0;
    return true;
  }

  /** None of these are any more: they wait again, in order. */
  recall(lane: OutLane, messages: readonly OutMessage[]): void {
    for (const message of messages) this.landed(lane, message);
    lane.recall(messages);
  }
}

/** Throws what the link throws. */
export function handOver({ messages }: Taps, link: Link, bytes: Uint8Array, message: OutMessage): void {
  const outgoing = { bytes, lane: message.lane, intake: true, kept: true, wantsDone: true, wantsAck: message.wantsAck, watch: message };
  if (messages === undefined) link.send(outgoing);
  else messages.send(link, decodeHeader(bytes), outgoing);
}
