import { empty } from "../bytes.js";
import type { TightbeamError } from "../errors.js";
import { readU48, writeU48 } from "../integers.js";
import { createNumberTable, type Table } from "../open-table.js";
import * as protocol from "../protocol.js";
import { release } from "../release.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import type { Lanes, Queued } from "./lanes.js";
import { lanes as allLanes, type Lane, type MessageWatch, type Outcome, type OutgoingMessage, outcomes, type Sent } from "./message.js";
import type { SendWindowSink } from "./types.js";

/** Messages from the moment they are accepted until their outcome is known. */
export interface Outbox extends SendWindowSink {
  /** Undefined when the memory budget has no room. */
  send(message: OutgoingMessage): Sent | undefined;
  /** Tells the peer what became of its message. False when so many wait already that the peer cannot be taking them. */
  sendDone(lane: Lane, sequence: number, outcome: Outcome): boolean;
  /** The peer's DONE. False when it is not one, or for nothing that waits. */
  takeDone(body: Uint8Array): boolean;
  /** Settles everything. Returns how many messages were never acknowledged. */
  end(error: (sealed: boolean) => TightbeamError, unacknowledged: readonly Queued[]): number;
  readonly accepted: number;
  readonly waitsForDone: boolean;
  /** A message was sealed whose sender waits for its acknowledgement. Whoever asks for that sets it back. */
  wantsAck: boolean;
}

/** What a queued message costs beside its bytes: else empty ones would be free. */
const messageCost = 256;
const doneBytes = 8;

const doneKey = (lane: number, sequence: number): number => sequence * protocol.laneCount + lane;

interface OutboxOptions {
  readonly lanes: Lanes;
  readonly budget: MemoryBudget;
  readonly own: AnnouncedLimits;
}

class Outgoing implements Queued, Sent {
  bytes: Uint8Array;
  readonly lane: Lane;
  readonly intake: boolean;
  readonly part: boolean;
  readonly wantsDone: boolean;
  readonly wantsAck: boolean;
  readonly isDone: boolean;
  readonly kept: boolean;
  readonly watch: MessageWatch | undefined;
  readonly order: number;
  offset = 0;
  started = false;
  sealed = false;
  abandoned = false;
  unacknowledged = 0;
  received = false;
  readonly #giveUp: (queued: Queued) => boolean;

  constructor(
    giveUp: (queued: Queued) => boolean,
    bytes: Uint8Array,
    lane: Lane,
    intake: boolean,
    isDone: boolean,
    source: OutgoingMessage | undefined,
    order: number,
  ) {
    this.#giveUp = giveUp;
    this.bytes = bytes;
    this.lane = lane;
    this.intake = intake;
    this.part = source?.part === true;
    this.wantsDone = source?.wantsDone === true;
    this.wantsAck = source?.wantsAck === true;
    this.isDone = isDone;
    this.kept = source?.kept === true;
    this.watch = source?.watch;
    this.order = order;
  }

  giveUp(): boolean {
    return this.#giveUp(this);
  }
}

class LinkOutbox implements Outbox {
  accepted = 0;
  wantsAck = false;
  readonly #lanes: Lanes;
  readonly #budget: MemoryBudget;
  /** A peer with that many messages to us settled has long stopped acknowledging. */
  readonly #donesMax: number;
  /** From the first such message on. */
  #waitingForDone: Table<number, Queued> | undefined;
  #order = 0;
  #dones = 0;
  #over = false;

  constructor({ lanes, budget, own }: OutboxOptions) {
    this.#lanes = lanes;
    this.#budget = budget;
    this.#donesMax = 4 * (own.intakeCount + protocol.windowMaxCells);
  }

  get waitsForDone(): boolean {
    return this.#waitingForDone !== undefined && this.#waitingForDone.size > 0;
  }

  send(message: OutgoingMessage): Sent | undefined {
    const { bytes } = message;
    if (this.#over || !this.#budget.take(bytes.length + messageCost)) return undefined;
    this.accepted++;
    return this.#enqueue(bytes, message.lane, message.intake, false, message);
  }

  sendDone(lane: Lane, sequence: number, outcome: Outcome): boolean {
    if (this.#over || this.#dones >= this.#donesMax || !this.#budget.take(doneBytes + messageCost)) return false;
    this.#dones++;
    const body = new Uint8Array(doneBytes);
    body[0] = lane;
    writeU48(body, 1, sequence);
    body[7] = outcomes.indexOf(outcome);
    this.#enqueue(body, 0, false, true, undefined);
    return true;
  }

  takeDone(body: Uint8Array): boolean {
    if (body.length !== doneBytes) return false;
    const lane = body[0] as number;
    const outcome = outcomes[body[7] as number];
    if (outcome === undefined || lane >= allLanes.length) return false;
    const key = doneKey(lane, readU48(body, 1));
    const message = this.#waitingForDone?.get(key);
    if (message === undefined) return false;
    this.#waitingForDone?.delete(key);
    // Its own ACK may still be on the way, or be lost.
    this.#received(message);
    message.watch?.done?.(outcome);
    return true;
  }

  sealed(message: Queued, sequence: number): void {
    if (message.abandoned) return;
    if (message.wantsDone) {
      this.#waitingForDone ??= createNumberTable();
      this.#waitingForDone.set(doneKey(message.lane, sequence), message);
    }
    this.wantsAck ||= message.wantsAck;
    message.watch?.sealed?.();
  }

  acknowledged(message: Queued): void {
    if (message.isDone) this.#dones--;
    this.#release(message);
    this.#received(message);
  }

  end(error: (sealed: boolean) => TightbeamError, unacknowledged: readonly Queued[]): number {
    if (this.#over) return 0;
    this.#over = true;
    const waiting = new Set(this.#waitingForDone?.values());
    this.#waitingForDone = undefined;
    let never = 0;
    for (const message of new Set([...unacknowledged, ...waiting, ...this.#lanes.drain()])) {
      if (!message.sealed || message.unacknowledged > 0) this.#release(message);
      if (message.isDone || message.abandoned || (message.received && !waiting.has(message))) continue;
      if (!message.received) never++;
      message.watch?.lost?.(error(message.sealed), message.sealed);
    }
    return never;
  }

  #enqueue(bytes: Uint8Array, lane: Lane, intake: boolean, isDone: boolean, source: OutgoingMessage | undefined): Sent {
    const queued = new Outgoing(this.#giveUp, bytes, lane, intake, isDone, source, this.#order++);
    this.#lanes.push(queued);
    return queued;
  }

  readonly #giveUp = (queued: Queued): boolean => {
    if (queued.sealed || queued.abandoned || this.#over) return false;
    queued.abandoned = true;
    if (!queued.started) {
      this.#lanes.forget(queued);
      this.#release(queued);
    }
    return true;
  };

  #release(message: Queued): void {
    this.#budget.give(message.bytes.length + messageCost);
    if (!message.kept) release(message.bytes);
    message.bytes = empty;
  }

  #received(message: Queued): void {
    if (message.received) return;
    message.received = true;
    if (!message.abandoned) message.watch?.received?.();
  }
}

export const createOutbox = (options: OutboxOptions): Outbox => new LinkOutbox(options);
