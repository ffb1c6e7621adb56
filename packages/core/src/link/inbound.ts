import { cellType, msgFlag } from "../frame/cell.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import { createReceiveCredits, type ReceiveCredits } from "./credit.js";
import { type Assembler, createAssembler } from "./fragment.js";
import { lanes as allLanes, type Delivery, type Lane, type Outcome } from "./message.js";
import type { Outbox } from "./outbox.js";

export interface InboundOptions {
  readonly own: AnnouncedLimits;
  readonly budget: MemoryBudget;
  readonly outbox: Pick<Outbox, "sendDone" | "takeDone">;
  readonly deliver: (delivery: Delivery) => void;
  /** A settled message left something to send. */
  readonly wake: () => void;
  /** The peer does not take what it asked for. */
  readonly overrun: () => void;
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
const nothingToSettle = (): void => undefined;

export function createInbound({ own, budget, outbox, deliver, wake, overrun }: InboundOptions): Inbound {
  const credit = createReceiveCredits(own);
  const assemblers: readonly Assembler[] = allLanes.map(() => createAssembler({ maxMessageBytes: own.maxMessageBytes, budget }));
  let messages = 0;
  let over = false;

  const settling = (lane: Lane, sequence: number, intake: boolean, wantsDone: boolean, size: number): Delivery["settle"] => {
    if (!intake && !wantsDone) return nothingToSettle;
    let settled = false;
    return (outcome: Outcome) => {
      if (settled || over) return;
      settled = true;
      if (intake) credit.giveBack(lane, size);
      if (wantsDone && !outbox.sendDone(lane, sequence, outcome)) return overrun();
      if (wantsDone || credit.due()) wake();
    };
  };

  const hand = (
    lane: Lane,
    sequence: number,
    bytes: Uint8Array,
    intake: boolean,
    wantsDone: boolean,
    refused: Delivery["refused"],
    size: number,
  ): "flow" | undefined => {
    if (intake && !credit.accept(lane, size)) return "flow";
    messages++;
    deliver({ bytes, lane, intake, wantsDone, refused, settle: settling(lane, sequence, intake, wantsDone, size) });
    return undefined;
  };

  return {
    take(type, flags, lane, sequence, data) {
      if (type === cellType.done) return (flags & ~msgFlag.laneMask) === doneFlags && outbox.takeDone(data) ? undefined : "malformed";
      const assembler = assemblers[lane] as Assembler;
      if ((flags & doneFlags) === doneFlags && assembler.takesWhole(flags, data)) {
        const intake = (flags & msgFlag.intake) !== 0;
        return hand(lane, sequence, data, intake, (flags & msgFlag.wantsDone) !== 0, undefined, data.length);
      }
      const assembled = assembler.push(flags, data);
      if (assembled === undefined || assembled === "malformed") return assembled;
      const { bytes, intake, wantsDone, refused, aborted, size } = assembled;
      if (!aborted) return hand(lane, sequence, bytes, intake, wantsDone, refused, size);
      if (!intake) return undefined;
      if (!credit.accept(lane, size)) return "flow";
      credit.giveBack(lane, size);
      return undefined;
    },
    credit,
    get messages() {
      return messages;
    },
    clear() {
      over = true;
      for (const assembler of assemblers) assembler.clear();
    },
  };
}
