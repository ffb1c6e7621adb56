import { empty } from "../bytes.js";
import type { TightbeamError } from "../errors.js";
import { protocol } from "../limits.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import type { Lanes, Queued } from "./lanes.js";
import { lanes as allLanes, type Lane, type Outcome, type OutgoingMessage, outcomes } from "./message.js";
import type { SendWindowSink } from "./types.js";

/** Messages from the moment they are accepted until their outcome is known. */
export interface Outbox extends SendWindowSink {
  /** Undefined when the memory budget has no room. The function gives the message up: true when the peer's application will get nothing of it. */
  send(message: OutgoingMessage): (() => boolean) | undefined;
  /** Tells the peer what became of its message. False when so many wait already that the peer cannot be taking them. */
  sendDone(lane: Lane, sequence: number, outcome: Outcome): boolean;
  /** The peer's DONE. False when it is not one, or for nothing that waits. */
  takeDone(body: Uint8Array): boolean;
  /** Settles everything. Returns how many messages were never acknowledged. */
  end(error: (sealed: boolean) => TightbeamError, unacknowledged: readonly Queued[]): number;
  readonly accepted: number;
  readonly waitsForDone: boolean;
}

/** What a queued message costs beside its bytes: else empty ones would be free. */
const messageCost = 256;
const doneBytes = 8;

const doneKey = (lane: number, sequence: number): number => sequence * protocol.laneCount + lane;

export function createOutbox(options: { readonly lanes: Lanes; readonly budget: MemoryBudget; readonly own: AnnouncedLimits }): Outbox {
  const { lanes, budget } = options;
  const waitingForDone = new Map<number, Queued>();
  /** A peer with that many messages to us settled has long stopped acknowledging. */
  const donesMax = 4 * (options.own.intakeCount + protocol.windowMaxCells);
  let order = 0;
  let accepted = 0;
  let dones = 0;
  let over = false;

  const enqueue = (bytes: Uint8Array, lane: Lane, intake: boolean, isDone: boolean, source: OutgoingMessage | undefined): Queued => {
    const queued: Queued = {
      bytes,
      lane,
      intake,
      wantsDone: source?.wantsDone === true,
      isDone,
      watch: source?.watch,
      order: order++,
      offset: 0,
      started: false,
      sealed: false,
      abandoned: false,
      unacknowledged: 0,
      received: false,
    };
    lanes.push(queued);
    return queued;
  };

  const release = (message: Queued): void => {
    if (!message.isDone) budget.give(message.bytes.length + messageCost);
    message.bytes = empty;
  };

  const received = (message: Queued): void => {
    if (message.received) return;
    message.received = true;
    if (!message.abandoned) message.watch?.received?.();
  };

  return {
    send(message) {
      const { bytes } = message;
      if (over || !budget.take(bytes.length + messageCost)) return undefined;
      accepted++;
      const queued = enqueue(bytes, message.lane, message.intake, false, message);
      return () => {
        if (queued.sealed || queued.abandoned || over) return false;
        queued.abandoned = true;
        if (!queued.started) {
          lanes.forget(queued);
          release(queued);
        }
        return true;
      };
    },
    sendDone(lane, sequence, outcome) {
      if (dones >= donesMax) return false;
      dones++;
      const body = new Uint8Array(doneBytes);
      const view = new DataView(body.buffer);
      view.setUint8(0, lane);
      view.setUint16(1, Math.floor(sequence / 2 ** 32));
      view.setUint32(3, sequence >>> 0);
      view.setUint8(7, outcomes.indexOf(outcome));
      enqueue(body, 0, false, true, undefined);
      return true;
    },
    takeDone(body) {
      if (body.length !== doneBytes) return false;
      const view = new DataView(body.buffer, body.byteOffset, doneBytes);
      const lane = view.getUint8(0);
      const outcome = outcomes[view.getUint8(7)];
      if (outcome === undefined || lane >= allLanes.length) return false;
      const key = doneKey(lane, view.getUint16(1) * 2 ** 32 + view.getUint32(3));
      const message = waitingForDone.get(key);
      if (message === undefined) return false;
      waitingForDone.delete(key);
      // Its own ACK may still be on the way, or be lost.
      received(message);
      message.watch?.done?.(outcome);
      return true;
    },
    sealed(message, sequence) {
      if (message.abandoned) return;
      if (message.wantsDone) waitingForDone.set(doneKey(message.lane, sequence), message);
      message.watch?.sealed?.();
    },
    acknowledged(message) {
      if (message.isDone) dones--;
      release(message);
      received(message);
    },
    end(error, unacknowledged) {
      if (over) return 0;
      over = true;
      const waiting = new Set(waitingForDone.values());
      let never = 0;
      for (const message of new Set([...unacknowledged, ...waiting, ...lanes.drain()])) {
        if (!message.sealed || message.unacknowledged > 0) release(message);
        if (message.isDone || message.abandoned || (message.received && !waiting.has(message))) continue;
        if (!message.received) never++;
        message.watch?.lost?.(error(message.sealed), message.sealed);
      }
      waitingForDone.clear();
      return never;
    },
    get accepted() {
      return accepted;
    },
    get waitsForDone() {
      return waitingForDone.size > 0;
    },
  };
}
