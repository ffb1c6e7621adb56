import type { TightbeamError } from "../errors.js";
import { cellType, msgFlag } from "../frame/cell.js";
import { limits, protocol } from "../limits.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import { type CellBuffer, type CellVisitor, creditFlag, putClose, putCredit, putPing, putPong, readCells } from "./cells.js";
import { createReceiveCredit, createSendCredit } from "./credit.js";
import { createAssembler } from "./fragment.js";
import { createLanes, type Queued } from "./lanes.js";
import { lanes as allLanes, type Delivery, type Lane, type Outcome, type OutgoingMessage, outcomes } from "./message.js";
import { createReceiveOrder, type ReceivedCounter } from "./order.js";
import { createPace } from "./pace.js";
import { createProbe } from "./probe.js";
import { createSendWindow } from "./window.js";

/** What a conversation asks of the link around it. Called synchronously, from within `receive`. */
export interface ConversationSink {
  deliver(delivery: Delivery): void;
  /** The peer ended the link, or broke the protocol. */
  ended(code: string, byPeer: boolean): void;
  /** There is something to send now that was not asked for by `send`. */
  wake(): void;
}

export interface ConversationOptions {
  readonly own: AnnouncedLimits;
  readonly peer: AnnouncedLimits;
  readonly budget: MemoryBudget;
  readonly goneAfterMs: number;
  readonly sink: ConversationSink;
}

/**
 * The reliable, prioritised conversation of two instances: pure, synchronous, without a session or a timer of its own.
 * Messages in, plaintext records out; plaintext records in, messages out. It goes on over any number of sessions.
 * Times are monotonic ms given by the caller.
 */
export interface Conversation {
  /** Queues a message; undefined when the memory budget has no room for it. Returns a function that gives it up: true when nothing of it will reach the peer's application. */
  send(message: OutgoingMessage): (() => boolean) | undefined;
  /** Fills the buffer with the next record, at most `room` bytes. 0 = nothing to send now. Call `sent` or `notSent` right after. */
  fill(buffer: CellBuffer, room: number, counter: ReceivedCounter, now: number, wall: number): number;
  sent(session: object, counter: number, now: number): void;
  notSent(): void;
  /** Takes an authenticated record. False when it broke the protocol: the link has then ended. */
  receive(record: Uint8Array, session: object, counter: ReceivedCounter, value: number, now: number, wall: number): boolean;
  /** When `tick` has something to do, or Infinity. While `paused`, only what needs no network. */
  deadline(paused: boolean): number;
  tick(now: number): void;
  /** The transport is up again: ask at once whether the peer is there. */
  probe(now: number): void;
  /** The next record says that the link ends. */
  close(code: string): void;
  health(now: number): { readonly suspect: boolean; readonly gone: boolean; readonly probes: number };
  readonly wantsToSend: boolean;
  /** Everything accepted was acknowledged. */
  readonly idle: boolean;
  readonly next: { readonly expected: readonly number[]; readonly toSend: readonly number[]; readonly acknowledged: readonly number[] };
  /** A new session's LINK said what the peer has. */
  acknowledgeBelow(next: readonly number[], now: number): void;
  readonly counters: ConversationCounters;
  /** Peer's wall clock minus ours in ms, by the last PONG; undefined before one. */
  readonly clockOffset: number | undefined;
  /** Ends everything: settles every watch with the error. Returns how many messages were never acknowledged. */
  end(error: (sealed: boolean) => TightbeamError): number;
}

export interface ConversationCounters {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly cellsSent: number;
  readonly cellsResent: number;
  readonly duplicates: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly unacknowledgedBytes: number;
  readonly heldBytes: number;
  readonly roundTrip: number;
  readonly congestionWindow: number;
  /** Peer's wall clock minus ours in ms, by the last PONG; undefined before one. */
  readonly clockOffset: number | undefined;
}

/** Why a record ended the link: what the peer said, or what it did wrong. */
interface Violation {
  readonly code: string;
  readonly byPeer: boolean;
}

const broken = (code: string): Violation => ({ code, byPeer: false });

const doneKey = (lane: number, sequence: number): number => sequence * protocol.laneCount + lane;

export function createConversation(options: ConversationOptions): Conversation {
  const { sink, budget } = options;
  const pace = createPace();
  const queue = createLanes();
  const sendCredit = createSendCredit(options.peer);
  const receiveCredit = createReceiveCredit(options.own);
  const assemblers = allLanes.map((lane) => createAssembler(lane, { maxMessageBytes: options.own.maxMessageBytes, budget }));
  const probe = createProbe({ pace, goneAfterMs: options.goneAfterMs });
  const waitingForDone = new Map<number, Queued>();
  const window = createSendWindow(queue, pace, {
    sealed(message, sequence) {
      if (message.wantsDone && !message.abandoned) waitingForDone.set(doneKey(message.lane, sequence), message);
      if (!message.abandoned) message.watch?.sealed?.();
    },
    acknowledged(message) {
      if (!message.isDone) budget.give(message.bytes.length);
      if (!message.abandoned) message.watch?.received?.();
    },
  });

  let order = 0;
  let messagesSent = 0;
  let messagesReceived = 0;
  let clockOffset: number | undefined;
  let tellCredit = false;
  let peerBlocked = false;
  let askCredit = false;
  let pongFor: number | undefined;
  let pingDue = false;
  let probeDue = false;
  let closing: string | undefined;
  let over = false;
  let eliciting = false;
  let violation: Violation | undefined;
  let now = 0;

  const enqueue = (message: OutgoingMessage, isDone: boolean): Queued => {
    const queued: Queued = {
      bytes: message.bytes,
      lane: message.lane,
      intake: message.intake,
      wantsDone: message.wantsDone === true,
      isDone,
      watch: message.watch,
      order: order++,
      offset: 0,
      started: false,
      sealed: false,
      abandoned: false,
      unacknowledged: 0,
    };
    queue.push(queued);
    return queued;
  };

  const settle = (lane: Lane, sequence: number, wantsDone: boolean, intake: boolean, size: number): ((outcome: Outcome) => void) => {
    let settled = false;
    return (outcome) => {
      if (settled || over) return;
      settled = true;
      if (intake) {
        receiveCredit.giveBack(size);
        if (receiveCredit.worthTelling || peerBlocked) tellCredit = true;
      }
      if (wantsDone) enqueue({ bytes: doneBody(lane, sequence, outcome), lane: 0, intake: false }, true);
      if (tellCredit || wantsDone) sink.wake();
    };
  };

  const deliverInOrder = (type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): void => {
    if (violation !== undefined) return;
    if (type === cellType.done) {
      violation = takeDone(data);
      return;
    }
    const assembled = (assemblers[lane] as ReturnType<typeof createAssembler>).push(flags, data);
    if (assembled === undefined) return;
    if (assembled === "malformed") {
      violation = broken("malformed");
      return;
    }
    if (assembled.intake && !receiveCredit.accept(assembled.size)) {
      violation = broken("flow");
      return;
    }
    messagesReceived++;
    sink.deliver({
      bytes: assembled.bytes,
      lane,
      intake: assembled.intake,
      wantsDone: assembled.wantsDone,
      refused: assembled.refused,
      settle: settle(lane, sequence, assembled.wantsDone, assembled.intake, assembled.size),
    });
  };

  const takeDone = (data: Uint8Array): Violation | undefined => {
    if (data.length !== 8) return broken("malformed");
    const view = new DataView(data.buffer, data.byteOffset, 8);
    const key = doneKey(view.getUint8(0), view.getUint16(1) * 2 ** 32 + view.getUint32(3));
    const outcome = outcomes[view.getUint8(7)];
    const message = waitingForDone.get(key);
    if (outcome === undefined || message === undefined) return broken("malformed");
    waitingForDone.delete(key);
    message.watch?.done?.(outcome);
    return undefined;
  };

  const received = createReceiveOrder({ budget, deliver: deliverInOrder });
  let record: Uint8Array = new Uint8Array(0);
  let recordSession: object = record;

  const visitor: CellVisitor = {
    sequenced(type, flags, lane, sequence, start, end) {
      eliciting = true;
      received.take(type, flags, lane, sequence, record.subarray(start, end));
    },
    ack(ack) {
      window.acknowledge(ack, recordSession, now);
    },
    credit(totals, blocked) {
      if (totals !== undefined) {
        sendCredit.grant(totals);
        if (sendCredit.available) probe.creditCame();
      }
      if (blocked) {
        tellCredit = true;
        peerBlocked = true;
      }
    },
    ping(wall) {
      eliciting = true;
      pongFor = wall;
    },
    pong(echoed, wall) {
      clockOffset = wall - (echoed + pace.smoothed / 2);
    },
    close(code) {
      violation ??= { code, byPeer: true };
    },
  };

  const spend = (bytes: number): void => sendCredit.spend(bytes);
  const creditLeft = (): boolean => sendCredit.available;

  return {
    send(message) {
      if (!budget.take(message.bytes.length)) return undefined;
      const queued = enqueue(message, false);
      messagesSent++;
      return () => {
        if (queued.sealed || queued.abandoned || over) return false;
        queued.abandoned = true;
        if (!queued.started) {
          queue.forget(queued);
          budget.give(queued.bytes.length);
        }
        return true;
      };
    },
    fill(buffer, room, counter, time, wall) {
      now = time;
      let at = received.writeAck(buffer, 0, room, counter, time);
      if (tellCredit || askCredit) {
        const news = tellCredit && receiveCredit.hasNews;
        const flags = (tellCredit ? creditFlag.grant : 0) | (askCredit ? creditFlag.blocked : 0);
        at = putCredit(buffer, at, flags, tellCredit ? receiveCredit.tell() : { count: 0, bytes: 0 });
        if (news) peerBlocked = false;
        tellCredit = false;
        askCredit = false;
      }
      if (pongFor !== undefined) {
        at = putPong(buffer, at, pongFor, wall);
        pongFor = undefined;
      }
      if (closing !== undefined) return putClose(buffer, at, closing);
      eliciting = false;
      if (probeDue) {
        const probed = window.fillProbe(buffer, at, room);
        pingDue ||= probed === at;
        at = probed;
        probeDue = false;
      }
      if (pingDue) {
        at = putPing(buffer, at, wall);
        pingDue = false;
        eliciting = true;
      }
      return window.fill(buffer, at, room, time, creditLeft, spend);
    },
    sent(session, counter, time) {
      const before = window.lastSentAt;
      window.sent(session, counter, time, eliciting);
      eliciting = false;
      if (window.lastSentAt !== before) probe.sent(time);
    },
    notSent() {
      window.notSent();
      eliciting = false;
    },
    receive(bytes, session, counter, value, time, wall) {
      now = time;
      record = bytes;
      recordSession = session;
      eliciting = false;
      violation = undefined;
      probe.heard(time);
      const whole = readCells(bytes, visitor);
      const wrong = violation as Violation | undefined;
      if (eliciting) received.recordRead(counter, value, time);
      eliciting = false;
      if (whole && wrong === undefined) {
        probe.update(window.outstanding, time);
        return true;
      }
      const { code, byPeer } = wrong ?? broken("malformed");
      sink.ended(code, byPeer);
      return false;
    },
    deadline(paused) {
      const ack = received.ackAt;
      if (paused) return Number.POSITIVE_INFINITY;
      return Math.min(ack, window.judgeAt, probe.deadline(window.outstanding, queue.waitsForCredit && !sendCredit.available));
    },
    tick(time) {
      now = time;
      window.judge(time);
      const due = probe.tick(time, window.outstanding, queue.waitsForCredit && !sendCredit.available);
      if (due.probe) probeDue = true;
      if (due.ping) pingDue = true;
      if (due.askCredit) askCredit = true;
    },
    probe(time) {
      now = time;
      probe.restart(time);
      if (window.outstanding) probeDue = true;
      else pingDue = true;
    },
    close(code) {
      closing = code;
    },
    health: (time) => ({ suspect: probe.suspect(time), gone: probe.gone(time), probes: probe.probes }),
    get wantsToSend() {
      if (tellCredit || askCredit || pingDue || probeDue || pongFor !== undefined || closing !== undefined || window.hasLost) return true;
      return received.ackAt <= now || queue.queuedMessages > 0;
    },
    get idle() {
      return queue.queuedMessages === 0 && !window.outstanding && waitingForDone.size === 0;
    },
    get next() {
      return { expected: received.next, toSend: window.nextToSend, acknowledged: window.acknowledgedBelow };
    },
    acknowledgeBelow(next, time) {
      now = time;
      window.acknowledgeBelow(next, time);
    },
    get clockOffset() {
      return clockOffset;
    },
    get counters() {
      return {
        messagesSent,
        messagesReceived,
        cellsSent: window.cellsSent,
        cellsResent: window.resent,
        duplicates: received.duplicates,
        queuedMessages: queue.queuedMessages,
        queuedBytes: queue.queuedBytes,
        unacknowledgedBytes: window.unacknowledgedBytes,
        heldBytes: received.heldBytes,
        roundTrip: pace.smoothed,
        congestionWindow: pace.window,
        clockOffset,
      };
    },
    end(error) {
      if (over) return 0;
      over = true;
      received.clear();
      for (const assembler of assemblers) assembler.clear();
      const left = new Set([...window.pending(), ...waitingForDone.values(), ...queue.drain()]);
      let unacknowledged = 0;
      for (const message of left) {
        const acknowledged = message.sealed && message.unacknowledged === 0;
        if (!message.isDone && !acknowledged) budget.give(message.bytes.length);
        if (message.isDone || message.abandoned) continue;
        if (!acknowledged) unacknowledged++;
        message.watch?.lost?.(error(message.started), message.started);
      }
      waitingForDone.clear();
      return unacknowledged;
    },
  };
}

function doneBody(lane: Lane, sequence: number, outcome: Outcome): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, lane);
  view.setUint16(1, Math.floor(sequence / 2 ** 32));
  view.setUint32(3, sequence >>> 0);
  view.setUint8(7, outcomes.indexOf(outcome));
  return bytes;
}
