import { uuidText } from "../../envelope/id.js";
import type { EnvelopeHeader, OutgoingHeader } from "../../envelope/types.js";
import { isTightbeamError, type TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, MessageWatch, Outcome } from "../../link/message.js";
import type { Clock } from "../../runtime/runtime.js";
import { causeOf } from "./cause.js";
import type { LetterSettings } from "./options.js";
import { letterPeerOf } from "./peer.js";
import type { NewDeadLetter } from "./types.js";

/** Where letters of messages come from that are not durable. */
export interface LetterSources {
  /** Undefined: they are not kept. Watches a notification that is sent; `bytes` must be `kept`. */
  readonly sent: ((link: Link, header: OutgoingHeader, bytes: Uint8Array) => MessageWatch) | undefined;
  /** Stands between a notification that came and its handler. Undefined: failures are not kept. */
  readonly came: ((link: Link, delivery: Delivery, header: EnvelopeHeader) => KeptDelivery) | undefined;
  /** A peer sent what cannot be decoded. Before its delivery returns. */
  readonly undecodable: ((link: Link, delivery: Delivery, error: TightbeamError) => void) | undefined;
}

export interface KeptDelivery extends Delivery {
  /** The record the message lies in is about to be freed. */
  returned(): void;
}

type Add = (letter: NewDeadLetter) => void;

/** A small message lies in the record it came in, which is freed when its delivery returns. */
const own = (bytes: Uint8Array): Uint8Array => (bytes.length * 2 >= bytes.buffer.byteLength ? bytes : bytes.slice());

/** Why a message is no letter: whoever sheds load must not have to write instead, and what ends with the agent was not judged by it. */
const passing = new Set(["rate_limited", "overloaded", "closed", "cancelled"]);

class SentNotification implements MessageWatch {
  readonly #add: Add;
  readonly #clock: Clock;
  readonly #peer: string;
  readonly #header: OutgoingHeader;
  #bytes: Uint8Array | undefined;

  constructor(add: Add, clock: Clock, peer: string, header: OutgoingHeader, bytes: Uint8Array) {
    this.#add = add;
    this.#clock = clock;
    this.#peer = peer;
    this.#header = header;
    this.#bytes = bytes;
  }

  received(): void {
    this.#bytes = undefined;
  }

  lost(error: TightbeamError): void {
    const bytes = this.#bytes;
    if (bytes === undefined) return;
    this.#bytes = undefined;
    const { id, method = "", priority, timestamp } = this.#header;
    this.#add({
      ...causeOf(error),
      side: "sender",
      peer: this.#peer,
      method,
      messageId: typeof id === "string" ? id : uuidText(id, 0),
      priority,
      attempts: 1,
      firstAt: timestamp,
      lastAt: this.#clock.wall(),
      envelope: own(bytes),
    });
  }
}

class CameNotification implements KeptDelivery {
  readonly size: number;
  readonly lane: Delivery["lane"];
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly refused: Delivery["refused"];
  readonly #add: Add;
  readonly #now: () => number;
  readonly #firstAt: number;
  readonly #link: Link;
  readonly #header: EnvelopeHeader;
  readonly #delivery: Delivery;
  #bytes: Uint8Array | undefined;

  constructor(add: Add, now: () => number, link: Link, delivery: Delivery, header: EnvelopeHeader) {
    this.#add = add;
    this.#now = now;
    this.#firstAt = now();
    this.#link = link;
    this.#header = header;
    this.#delivery = delivery;
    this.#bytes = delivery.bytes;
    this.size = delivery.size;
    this.lane = delivery.lane;
    this.intake = delivery.intake;
    this.wantsDone = delivery.wantsDone;
    this.refused = delivery.refused;
  }

  get bytes(): Uint8Array {
    return this.#bytes ?? this.#delivery.bytes;
  }

  returned(): void {
    if (this.#bytes !== undefined) this.#bytes = own(this.#bytes);
  }

  settle(outcome: Outcome, error?: unknown): void {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    if (bytes !== undefined && outcome !== "ok" && !(isTightbeamError(error) && passing.has(error.code))) {
      const { method = "", id, priority } = this.#header;
      this.#add({
        ...causeOf(error),
        side: "receiver",
        peer: this.#link.peer.id,
        method,
        messageId: id,
        priority,
        attempts: 1,
        firstAt: this.#firstAt,
        lastAt: this.#now(),
        envelope: this.refused === undefined ? own(bytes) : undefined,
        bytes: this.size,
        sender: letterPeerOf(this.#link.peer),
      });
    }
    this.#delivery.settle(outcome, error);
  }
}

export function createLetterSources(add: Add, clock: Clock, settings: LetterSettings): LetterSources {
  const now = (): number => clock.wall();
  return {
    sent: settings.undelivered ? (link, header, bytes) => new SentNotification(add, clock, link.peer.id, header, bytes) : undefined,
    came: settings.failed ? (link, delivery, header) => new CameNotification(add, now, link, delivery, header) : undefined,
    undecodable: settings.undecodable
      ? ({ peer }, { bytes, size, refused, lane }, error) =>
          add({
            ...causeOf(error),
            side: "receiver",
            peer: peer.id,
            method: "",
            messageId: undefined,
            priority: (["critical", "high", "normal", "low"] as const)[lane],
            attempts: 1,
            firstAt: now(),
            lastAt: now(),
            envelope: refused === undefined ? own(bytes) : undefined,
            bytes: size,
            sender: letterPeerOf(peer),
          })
      : undefined,
  };
}
