import { empty } from "../bytes.js";
import * as limits from "../limits.js";
import * as protocol from "../protocol.js";
import { release } from "../release.js";
import type { Transport } from "../transport/transport.js";
import type { Conversation } from "./conversation.js";
import type { Link, LinkOptions, SealedMessages } from "./link-types.js";
import type { LinkSession, LinkSessions } from "./sessions.js";

/** Takes records out of the conversation, seals them and hands them to the transport, one at a time. */
export interface Pump {
  /** There may be something to send. */
  wake(): void;
  /** The same for an ACK of large records, which waits for no turn: a socket is read until nothing is left within one, and the peer's window would be used up by then. */
  acknowledge(): void;
  /** A record came: what is sent in answer to it need not wait for the next turn. One record for each that came, or senders that await what it sealed would keep the turn. */
  answering: boolean;
}

export interface PumpOwner extends Link {
  /** Nothing more to send now. */
  arm(now: number): void;
  /** It seals nothing more. */
  dropSession(live: LinkSession): void;
}

class RecordPump implements Pump {
  readonly #options: LinkOptions;
  readonly #conversation: Conversation;
  readonly #sessions: LinkSessions;
  readonly #owner: PumpOwner;
  answering = false;
  #scheduled = false;
  #acknowledging = false;
  /** Frames that the transport has not done with. */
  #sending = 0;
  /** With the transport until it says that it has done with it (T11); one that was given is not held here, so it is the last of its turn. */
  #frame: Uint8Array = empty;
  /** Told as sent when the transport has taken them. */
  #sealed: SealedMessages | undefined;

  constructor(options: LinkOptions, conversation: Conversation, sessions: LinkSessions, owner: PumpOwner) {
    this.#options = options;
    this.#conversation = conversation;
    this.#sessions = sessions;
    this.#owner = owner;
  }

  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const { timers } = this.#options.runtime;
    // As long as something is under way, more may come to share the record.
    timers[this.answering && !this.#conversation.unacknowledged ? "soon" : "turn"](this.#flush);
  }

  acknowledge(): void {
    if (this.#acknowledging) return;
    this.#acknowledging = true;
    this.#options.runtime.timers.soon(this.#flushAck);
  }

  readonly #flushAck = (): void => {
    this.#acknowledging = false;
    this.#flush();
  };

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.answering = false;
    if (this.#sending > 0) return;
    for (let records = 1; this.#sendRecord() && records < recordsPerTurn; records++);
  };

  /** False when another one has to wait. */
  #sendRecord(): boolean {
    const { runtime, transport, scratch, taps } = this.#options;
    const { current } = this.#sessions;
    if (current === undefined || transport.state.current === "down") return false;
    const now = runtime.clock.monotonic();
    const length = this.#conversation.fill(scratch, roomFor(transport), current.received, now, runtime.clock.wall());
    if (length === 0) {
      if (this.#sending === 0) this.#owner.arm(now);
      return false;
    }
    if (taps.link !== undefined) this.#sealed = taps.link.filled(this.#owner, current, this.#sealed);
    const { session } = current;
    const front = length < givenLeastBytes ? 0 : (transport.capabilities.frontBytes ?? 0);
    let frame: Uint8Array;
    try {
      frame = session.seal(scratch.bytes.subarray(0, length), front);
    } catch {
      this.#conversation.notSent();
      this.#owner.dropSession(current);
      this.#owner.arm(now);
      return false;
    }
    this.#conversation.sent(session, session.lastSealed, now);
    this.#sending++;
    if (front === 0) this.#frame = frame;
    try {
      transport.send(this.#owner.peer.inbox, frame, front > 0).then(this.#sent, this.#notSent);
    } catch {
      // A transport has to reject; one that throws must not end the process.
      this.#notSent();
      return false;
    }
    return front > 0 && length >= limits.largeRecordBytes && this.#conversation.wantsToSend;
  }

  /** The next record goes with the next turn: senders that await what this one sealed would otherwise keep the turn to themselves until the window is full, and no ACK could be read before. */
  readonly #sent = (): void => {
    if (!this.#settled()) return;
    if (this.#sealed !== undefined) this.#tellSent(this.#sealed);
    if (this.#conversation.wantsToSend) return this.wake();
    this.#arm();
    // Its acknowledgement, or its answer, is on the way, and this process would sleep until then.
    if (this.#conversation.unacknowledged) this.#sessions.current?.session.prepare();
  };

  /** The medium lost the frame at once: the same as a lost frame, found by the probe when it is back. */
  readonly #notSent = (): void => {
    this.#settled();
    this.#arm();
  };

  #tellSent(messages: SealedMessages): void {
    this.#sealed = undefined;
    for (const message of messages) message.sent();
  }

  /** True when the transport has done with all of them. */
  #settled(): boolean {
    if (--this.#sending > 0) return false;
    release(this.#frame);
    this.#frame = empty;
    return true;
  }

  #arm(): void {
    this.#owner.arm(this.#options.runtime.clock.monotonic());
  }
}

/** As long as they are large and the transport takes them over: what is written at once wakes the peer once. More of them would let it wait for the first. */
const recordsPerTurn = 2;
/** Smaller ones are copied for less than the room before them costs. */
const givenLeastBytes = 16 * 1024;

function roomFor({ capabilities }: Transport): number {
  const { maxFrameBytes, bestFrameBytes = maxFrameBytes } = capabilities;
  return Math.min(Math.min(maxFrameBytes, bestFrameBytes) - protocol.dataHeaderBytes - protocol.tagBytes, limits.recordTargetBytes);
}

export const createPump = (options: LinkOptions, conversation: Conversation, sessions: LinkSessions, owner: PumpOwner): Pump =>
  new RecordPump(options, conversation, sessions, owner);
