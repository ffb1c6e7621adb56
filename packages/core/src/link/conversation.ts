import { empty } from "../bytes.js";
import type { TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import { type Ack, type CellBuffer, type Grant, msgOverhead } from "./cells.js";
import { createSendCredits, type SendCredits } from "./credit.js";
import { createInbound, type Inbound, type InboundSink } from "./inbound.js";
import { createLanes } from "./lanes.js";
import type { Delivery, Lane, OutgoingMessage, Sent } from "./message.js";
import { createReceiveOrder, type OrderSink, type ReceivedCounter, type ReceiveOrder } from "./order.js";
import { createOutbox, type Outbox } from "./outbox.js";
import { createPace } from "./pace.js";
import { createProbe, type Probe } from "./probe.js";
import { type CellVisitor, readCells } from "./read-cells.js";
import { createSignals, type Signals } from "./signals.js";
import type { Conversation, ConversationCounters, ConversationLoad, ConversationOptions, ConversationSink, SendWindow } from "./types.js";
import { createSendWindow } from "./window.js";

export type { Conversation, ConversationCounters, ConversationOptions, ConversationSink } from "./types.js";

/** What is less than half of its buffer is copied by whoever keeps it (see `Delivery.bytes`). */
const isKept = (length: number, whole: number): boolean => length * 2 >= whole;

/** Of a record, beside what it takes for certain: room for its ACK, and for the first small message that has to wait. */
const recordSlack = 4 * 1024;

/** Its parts call it back, each through an interface of its own: the reader of records, the receive order, the inbound messages. */
class LinkConversation implements Conversation, CellVisitor, OrderSink, InboundSink {
  readonly #sink: ConversationSink;
  readonly #pace = createPace();
  readonly #lanes = createLanes();
  readonly #credit: SendCredits;
  readonly #probe: Probe;
  readonly #outbox: Outbox;
  readonly #window: SendWindow;
  readonly #inbound: Inbound;
  readonly #received: ReceiveOrder;
  readonly #signals: Signals;
  awaited = 0;
  #saidAck = false;
  #eliciting = false;
  keepsRecord = false;
  /** Of a record, as the transport took the last one. */
  #most = limits.recordTargetBytes;
  #quiet = true;
  #over = false;
  /** Why the link ends: what the peer said, or what it did wrong. */
  #verdict: { readonly code: string; readonly byPeer: boolean } | undefined;
  /** While one is read. */
  #record: Uint8Array | undefined;
  #session: object = empty;
  #now = 0;
  #wallNow = 0;

  constructor({ sink, budget, own, peer, goneAfterMs }: ConversationOptions) {
    this.#sink = sink;
    this.#credit = createSendCredits(peer);
    this.#probe = createProbe({ pace: this.#pace, goneAfterMs });
    this.#outbox = createOutbox({ lanes: this.#lanes, budget, own });
    this.#window = createSendWindow({ lanes: this.#lanes, pace: this.#pace, credit: this.#credit, sink: this.#outbox });
    this.#inbound = createInbound({ own, budget, outbox: this.#outbox, sink: this });
    this.#received = createReceiveOrder({ budget, sink: this });
    this.#signals = createSignals(this.#window, this.#inbound.credit);
  }

  send(message: OutgoingMessage): Sent | undefined {
    this.#quiet = false;
    return this.#outbox.send(message);
  }

  offer(message: OutgoingMessage): boolean {
    const { queuedBytes, queuedMessages } = this.#lanes;
    const { lane, bytes } = message;
    const count = queuedMessages + 1;
    const total = queuedBytes + bytes.length;
    const size = total + count * msgOverhead;
    if (size > Math.min(this.#pace.record(), this.#most) - recordSlack) return false;
    return this.#window.takes(count, size) && this.#credit.left(lane, count, total) && this.send(message) !== undefined;
  }

  fill(buffer: CellBuffer, most: number, counter: ReceivedCounter, time: number, wall: number): number {
    this.#now = time;
    this.#quiet = true;
    this.#most = most;
    if (this.#over) return 0;
    const received = this.#received;
    const room = Math.min(most, this.#pace.record());
    const acked = received.writeAck(buffer, 0, most, counter, time);
    const { closing } = this.#signals;
    let at = this.#signals.write(buffer, acked, most, wall);
    if (!closing) {
      at = this.#window.fill(buffer, at, Math.min(most, acked + room));
      if (this.#outbox.wantsAck) at = this.#signals.writePing(buffer, at, most, wall);
      this.#outbox.wantsAck = false;
      this.#probe.blocked(this.#lanes.waitsForCredit(this.#credit), time);
    }
    if (at === acked && (at === 0 || received.ackAt() > time)) return 0;
    this.#saidAck = acked > 0;
    if (this.#saidAck) received.acknowledged();
    this.#quiet = false;
    return at;
  }

  sent(session: object, counter: number, time: number): void {
    this.#signals.sent();
    if (this.#window.sent(session, counter, time, this.#signals.asks)) this.#probe.sent(time);
  }

  notSent(): void {
    this.#window.notSent();
    if (this.#saidAck) this.#received.notAcknowledged();
    this.#signals.notSent();
    this.#quiet = false;
  }

  receive(bytes: Uint8Array, session: object, counter: ReceivedCounter, value: number, time: number, wall: number): boolean {
    if (this.#over || this.#verdict !== undefined) return false;
    this.#now = time;
    this.#wallNow = wall;
    this.#record = bytes;
    this.keepsRecord = false;
    this.#session = session;
    this.#eliciting = false;
    this.#quiet = false;
    this.#probe.heard(time);
    const wellFormed = readCells(bytes, this);
    this.#record = undefined;
    this.#session = empty;
    if (!wellFormed) this.#judge("malformed", false);
    if (this.#eliciting) this.#received.recordRead(counter, value, bytes.length, time);
    const ended = this.#verdict as { code: string; byPeer: boolean } | undefined;
    if (ended === undefined) {
      this.#probe.update(this.#window.outstanding);
      return !this.#over;
    }
    this.#sink.ended(ended.code, ended.byPeer);
    return false;
  }

  sequenced(type: number, flags: number, lane: Lane, sequence: number, start: number, end: number): void {
    if (this.#record === undefined || this.#verdict !== undefined || this.#over) return;
    this.#eliciting = true;
    this.#received.take(type, flags, lane, sequence, this.#record.subarray(start, end));
  }

  ack(ack: Ack): void {
    if (!this.#over) this.#window.acknowledge(ack, this.#session, this.#now);
  }

  credit(grant: Grant | undefined, blocked: boolean): void {
    if (grant !== undefined) this.#credit.grant(grant);
    if (blocked) this.#inbound.credit.asked();
  }

  ping(wall: number): void {
    this.#eliciting = true;
    this.#signals.pong(wall);
  }

  pong(echoed: number, wall: number): void {
    this.#signals.ponged(echoed, wall, this.#wallNow);
  }

  closed(code: string): void {
    this.#judge(code, true);
  }

  inOrder(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): void {
    if (this.#verdict !== undefined || this.#over) return;
    const wrong = this.#inbound.take(type, flags, lane, sequence, data);
    if (wrong !== undefined) this.#judge(wrong, false);
  }

  deliver(delivery: Delivery): void {
    const { buffer, length } = delivery.bytes;
    if (buffer === this.#record?.buffer && isKept(length, buffer.byteLength)) this.keepsRecord = true;
    this.#sink.deliver(delivery);
  }

  wake(): void {
    this.#quiet = false;
    this.#sink.wake();
  }

  overrun(): void {
    if (this.#judge("flow", false) && this.#record === undefined) this.#sink.ended("flow", false);
  }

  /** The first verdict stands. Who reads a record tells the link of it afterwards. */
  #judge(code: string, byPeer: boolean): boolean {
    if (this.#verdict !== undefined || this.#over) return false;
    this.#verdict = { code, byPeer };
    return true;
  }

  deadline(paused: boolean): number {
    if (paused) return Number.POSITIVE_INFINITY;
    return Math.min(this.#received.ackAt(), this.#window.judgeAt, this.#probe.deadline(this.#window.outstanding, this.awaited > 0));
  }

  get suspectAt(): number {
    return this.#probe.suspectAt();
  }

  tick(time: number): void {
    this.#now = time;
    this.#quiet = false;
    this.#window.judge(time);
    const asked = this.#probe.tick(time, this.#window.outstanding, this.awaited > 0);
    if (asked.probe) this.#signals.probe();
    if (asked.ping) this.#signals.ping();
    if (asked.askCredit) this.#signals.askCredit();
  }

  get silence(): Conversation["silence"] {
    return this.#probe;
  }

  probe(time: number): void {
    this.#now = time;
    this.#quiet = false;
    this.#probe.restart(time);
    if (this.#window.outstanding) this.#signals.probe();
    else this.#signals.ping();
  }

  health(time: number): ReturnType<Conversation["health"]> {
    return { suspect: time >= this.suspectAt, gone: this.#probe.gone(time), probes: this.#probe.probes() };
  }

  get wantsToSend(): boolean {
    if (this.#quiet || this.#over) return false;
    return this.#signals.due || this.#window.hasLost || this.#lanes.queuedMessages > 0 || this.#received.ackAt() <= this.#now;
  }

  get owesAck(): boolean {
    return !this.#over && this.#received.ackAt() <= this.#now;
  }

  get unacknowledged(): boolean {
    return this.#window.unacknowledgedBytes > 0;
  }

  get idle(): boolean {
    return this.#lanes.queuedMessages === 0 && !this.#window.outstanding && !this.#outbox.waitsForDone;
  }

  get next(): Conversation["next"] {
    return { expected: this.#received.next(), toSend: this.#window.nextToSend, acknowledged: this.#window.acknowledgedBelow };
  }

  get clockOffset(): number | undefined {
    return this.#signals.clockOffset;
  }

  askClock(): void {
    this.#signals.ping();
  }

  get counters(): ConversationCounters {
    return {
      messagesSent: this.#outbox.accepted,
      messagesReceived: this.#inbound.messages,
      cellsSent: this.#window.cellsSent,
      cellsResent: this.#window.resent,
      duplicates: this.#received.duplicates(),
      queuedMessages: this.#lanes.queuedMessages,
      queuedBytes: this.#lanes.queuedBytes,
      unacknowledgedBytes: this.#window.unacknowledgedBytes,
      heldBytes: this.#received.heldBytes(),
      roundTrip: this.#pace.smoothed(),
      congestionWindow: this.#pace.window(),
      clockOffset: this.clockOffset,
    };
  }

  get load(): ConversationLoad {
    return { queue: this.#lanes.waiting, inFlight: this.#window.pending().length, credit: this.#credit.rest };
  }

  acknowledgeBelow(next: readonly number[], time: number): void {
    this.#now = time;
    this.#quiet = false;
    this.#window.acknowledgeBelow(next, time);
  }

  close(code: string): void {
    this.#quiet = false;
    this.#signals.close(code);
  }

  end(error: (sealed: boolean) => TightbeamError): number {
    if (this.#over) return 0;
    this.#over = true;
    this.#received.clear();
    this.#inbound.clear();
    return this.#outbox.end(error, this.#window.pending());
  }
}

export const createConversation = (options: ConversationOptions): Conversation => new LinkConversation(options);
