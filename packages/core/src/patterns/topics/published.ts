import type { EncodedPayload } from "../../codec/types.js";
import type { OutgoingHeader } from "../../envelope/types.js";
import type { MemoryBudget } from "../../link/budget.js";
import type { Lane } from "../../link/message.js";
import * as protocol from "../../protocol.js";
import type { SlowPolicy } from "./types.js";

/** What a topic's publisher decided about it, defaults filled in. */
export interface TopicSettings {
  readonly retain: number;
  readonly events: number;
  readonly bytes: number;
  readonly patience: number;
  readonly slow: SlowPolicy;
}

/** What an event says of its topic. */
export interface OfTopic {
  readonly name: string;
  readonly settings: TopicSettings;
}

/** Encoded again for whom it is replayed. */
export interface Retained {
  readonly header: EventHeader;
  readonly payload: EncodedPayload | undefined;
  readonly lane: Lane;
  readonly size: number;
}

export type EventHeader = OutgoingHeader & { readonly id: string };

/** One event, encoded once for all its subscribers. The agent's memory budget pays for it as long as a queue has it. */
export class Published {
  readonly topic: OfTopic;
  readonly header: EventHeader;
  bytes: Uint8Array;
  readonly lane: Lane;
  /** What it takes of a subscriber's credit. */
  readonly cost: number;
  readonly #budget: MemoryBudget;
  readonly #kind: EncodedPayload["kind"] | undefined;
  readonly #payloadBytes: number;
  #holders = 0;

  constructor(topic: OfTopic, header: EventHeader, payload: EncodedPayload | undefined, bytes: Uint8Array, lane: Lane, budget: MemoryBudget) {
    this.topic = topic;
    this.header = header;
    this.#kind = payload?.kind;
    this.#payloadBytes = payload?.bytes.length ?? 0;
    this.bytes = bytes;
    this.lane = lane;
    this.cost = bytes.length + protocol.eventCost;
    this.#budget = budget;
  }

  /** The end of the envelope. */
  get payload(): EncodedPayload | undefined {
    return this.#kind === undefined ? undefined : { kind: this.#kind, bytes: this.bytes.subarray(this.bytes.length - this.#payloadBytes) };
  }

  /** False when there is no memory for it. */
  hold(): boolean {
    if (!this.#budget.take(this.#holders === 0 ? this.cost + entryBytes : entryBytes)) return false;
    // A small one lies beside others in a larger buffer, which a queue must not keep alive.
    if (this.#holders++ === 0) this.bytes = compact(this.bytes);
    return true;
  }

  letGo(): void {
    this.#holders--;
    this.#budget.give(this.#holders === 0 ? this.cost + entryBytes : entryBytes);
  }
}

/** A copy of what is less than half of its buffer. */
export const compact = (bytes: Uint8Array): Uint8Array => (bytes.length * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes);

/** A place in a queue, and in the account of its subscriber's agent. */
const entryBytes = 64;
