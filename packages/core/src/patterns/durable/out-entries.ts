import { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { StoreChange } from "../../store/types.js";
import type { SenderHost } from "./out-host.js";
import { messageCost, segmentKey } from "./out-keys.js";
import type { OutLane } from "./out-lane.js";
import { type Draft, type MessageOwner, OutMessage, type Waiter } from "./out-message.js";
import { newSegment, type OutSegment } from "./out-segment.js";

/** Whose messages they are. */
export interface EntryOwner extends MessageOwner {
  readonly digest: string;
  /** Its own entry in the store, as it is now. */
  readonly record: StoreChange;
  /** So many more of its messages wait, or fewer. */
  count(messages: number, bytes: number): void;
  /** There are some that can be sent. */
  pump(): void;
}

/** New messages of one channel on their way into the store: they get their numbers, and lie in a segment until its batch is made. */
export class OutEntries {
  /** The entry of their channel is in the store. */
  #recorded: boolean;
  #unrecorded = 0;
  readonly #channel: EntryOwner;
  readonly #host: SenderHost;

  constructor(host: SenderHost, channel: EntryOwner, recorded: boolean) {
    this.#host = host;
    this.#channel = channel;
    this.#recorded = recorded;
  }

  /** Throws `overloaded`, and what encoding it throws. */
  accept(lane: OutLane, draft: Draft, waiter: Waiter): OutMessage {
    if (lane.holes >= keptLimits.durableHoles) throw new TightbeamError("overloaded", "The store has no room: wait until some of what it has is handled.");
    const number = lane.next;
    const { envelope, at, expires } = draft.encode(number, lane.settled.floor);
    let { open } = lane;
    if (open === undefined || !open.segment.takes(envelope.length)) open = this.#begin(lane, number);
    lane.next++;
    const message = new OutMessage(this.#channel, number, open.segment, open.segment.append(envelope, at, expires), false, waiter);
    open.messages.push(message);
    this.#channel.count(1, envelope.length);
    this.#host.pending(envelope.length);
    return message;
  }

  #begin(lane: OutLane, first: number): NonNullable<OutLane["open"]> {
    const open = { segment: newSegment(lane.lane, first, lane.like), messages: [] };
    lane.open = open;
    // Until its entry is there, which other writings change as well, one batch after the other.
    const alone = this.#recorded && this.#unrecorded === 0;
    if (!alone) this.#unrecorded++;
    (alone ? this.#host.entries : this.#host.writer).add({
      changes: () => {
        lane.close(open);
        const put = { put: segmentKey(this.#channel.digest, lane.lane, first), value: open.segment.value() };
        return this.#recorded ? [put] : [this.#channel.record, put];
      },
      settled: (error) => {
        if (!alone) this.#unrecorded--;
        this.#written(lane, open.segment, open.messages, error);
      },
    });
    return open;
  }

  #written(lane: OutLane, segment: OutSegment, messages: readonly OutMessage[], error: TightbeamError | undefined): void {
    const bytes = segment.content;
    this.#host.pending(-bytes);
    if (error !== undefined) {
      this.#channel.count(-messages.length, -bytes);
      for (const message of messages) {
        lane.failed(message.number);
        message.settle(error);
      }
      return;
    }
    this.#recorded = true;
    lane.flushed = segment.first + segment.count;
    const cost = bytes + messageCost * messages.length;
    if (lane.onDisk === undefined && lane.ready.length < keptLimits.durableMemoryCount && this.#host.budget.take(cost)) {
      const charge = Math.floor(cost / messages.length);
      this.#host.budget.give(cost - charge * messages.length);
      for (const message of messages) {
        message.charged = charge;
        lane.ready.push(message);
      }
    } else lane.leaveOnDisk(messages);
    for (const message of messages) message.flushed();
    const { timers } = this.#host.runtime;
    // Two turns on: whoever waited for these has more to say, which is on its way to the disk while these are sealed and sent.
    timers.turn(() => timers.turn(() => this.#channel.pump()));
  }
}
