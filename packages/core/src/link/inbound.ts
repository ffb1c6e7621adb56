import * as cellType from "../frame/cell-type.js";
import * as msgFlag from "../frame/msg-flag.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import { createReceiveCredits, type ReceiveCredits } from "./credit.js";
import { type Assembler, createAssembler } from "./fragment.js";
import type { Delivery, Lane, Outcome } from "./message.js";
import type { Outbox } from "./outbox.js";

export interface InboundOptions {
  readonly own: AnnouncedLimits;
  readonly budget: MemoryBudget;
  readonly outbox: Pick<Outbox, "sendDone" | "takeDone">;
  readonly sink: InboundSink;
}

export interface InboundSink {
  deliver(delivery: Delivery): void;
  /** A settled message left something to send. */
  wake(): void;
  /** The peer does not take what it asked for. */
  overrun(): void;
}

/** From cells in lane order to messages, and from their settling back to credit and DONE. */
export interface Inbound {
  /** Undefined, or what the peer did wrong. */
  take(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): "malformed" | "flow" | undefined;
  readonly credit: ReceiveCredits;
  readonly messages: number;
  clear(): void;
}

const doneFlags = msgFlag.first | msgFlag.last;

class LinkInbound implements Inbound {
  messages = 0;
  readonly credit: ReceiveCredits;
  readonly #options: InboundOptions;
  /** Each from the first fragment that is not a whole message on. */
  readonly #assemblers: (Assembler | undefined)[] = [undefined, undefined, undefined, undefined];
  #over = false;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.credit = createReceiveCredits(options.own);
  }

  take(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): "malformed" | "flow" | undefined {
    if (type === cellType.done) return (flags & ~msgFlag.laneMask) === doneFlags && this.#options.outbox.takeDone(data) ? undefined : "malformed";
    const { own, budget } = this.#options;
    let assembler = this.#assemblers[lane];
    const whole = (flags & (doneFlags | msgFlag.abort)) === doneFlags && data.length <= own.maxMessageBytes && assembler?.open !== true;
    if (whole) return this.#hand(new Arrived(this, data, undefined, flags, lane, sequence, data.length));
    assembler ??= createAssembler({ maxMessageBytes: own.maxMessageBytes, budget });
    this.#assemblers[lane] = assembler;
    const assembled = assembler.push(flags, data);
    if (assembled === undefined || assembled === "malformed") return assembled;
    if (!assembled.aborted) return this.#hand(new Arrived(this, assembled.bytes, assembled.refused, assembled.flags, lane, sequence, assembled.size));
    if ((assembled.flags & msgFlag.intake) === 0) return undefined;
    if (!this.credit.accept(lane, assembled.size)) return "flow";
    this.credit.giveBack(lane, assembled.size);
    return undefined;
  }

  /** The application is done with a message. */
  settled(lane: Lane, sequence: number, intake: boolean, wantsDone: boolean, size: number, outcome: Outcome): void {
    if (this.#over) return;
    const { outbox, sink } = this.#options;
    if (intake) this.credit.giveBack(lane, size);
    if (wantsDone && !outbox.sendDone(lane, sequence, outcome)) return sink.overrun();
    if (wantsDone || this.credit.due()) sink.wake();
  }

  clear(): void {
    this.#over = true;
    for (const assembler of this.#assemblers) assembler?.clear();
  }

  #hand(message: Arrived): "flow" | undefined {
    if (message.intake && !this.credit.accept(message.lane, message.size)) return "flow";
    this.messages++;
    this.#options.sink.deliver(message);
    return undefined;
  }
}

/** A message that arrived whole. Settles once. */
class Arrived implements Delivery {
  readonly bytes: Uint8Array;
  readonly lane: Lane;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly refused: Delivery["refused"];
  readonly size: number;
  readonly #sequence: number;
  #inbound: LinkInbound | undefined;

  constructor(inbound: LinkInbound, bytes: Uint8Array, refused: Delivery["refused"], flags: number, lane: Lane, sequence: number, size: number) {
    this.bytes = bytes;
    this.lane = lane;
    this.intake = (flags & msgFlag.intake) !== 0;
    this.wantsDone = (flags & msgFlag.wantsDone) !== 0;
    this.refused = refused;
    this.size = size;
    this.#sequence = sequence;
    this.#inbound = inbound;
  }

  settle(outcome: Outcome): void {
    const inbound = this.#inbound;
    this.#inbound = undefined;
    if (this.intake || this.wantsDone) inbound?.settled(this.lane, this.#sequence, this.intake, this.wantsDone, this.size, outcome);
  }
}

export const createInbound = (options: InboundOptions): Inbound => new LinkInbound(options);
