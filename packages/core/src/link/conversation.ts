import type { TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import { type CellBuffer, msgOverhead } from "./cells.js";
import { createSendCredits, type SendCredits } from "./credit.js";
import { createInbound, type Inbound, type InboundSink } from "./inbound.js";
import { createLanes } from "./lanes.js";
import type { Delivery, OutgoingMessage, Sent } from "./message.js";
import type { ReceivedCounter, ReceiveOrder } from "./order.js";
import { createOutbox, type Outbox } from "./outbox.js";
import { createPace } from "./pace.js";
import { createProbe, type Probe } from "./probe.js";
import { createRecordReader, type RecordReader } from "./record-reader.js";
import { createSignals, type Signals } from "./signals.js";
import type { Conversation, ConversationCounters, ConversationLoad, ConversationOptions, ConversationSink, SendWindow } from "./types.js";
import { createSendWindow } from "./window.js";

export type { Conversation, ConversationCounters, ConversationOptions, ConversationSink } from "./types.js";

/** What is less than half of its buffer is copied by whoever keeps it (see `Delivery.bytes`). */
const isKept = (length: number, whole: number): boolean => length * 2 >= whole;

/** Of a record, beside what it takes for certain: room for its ACK, and for the first small message that has to wait. */
const recordSlack = 4 * 1024;

class LinkConversation implements Conversation, InboundSink {
  readonly #sink: ConversationSink;
  readonly #pace = createPace();
  readonly #lanes = createLanes();
  readonly #credit: SendCredits;
  readonly #probe: Probe;
  readonly #outbox: Outbox;
  readonly #window: SendWindow;
  readonly #inbound: Inbound;
  readonly #signals: Signals;
  readonly #reader: RecordReader;
  readonly #received: ReceiveOrder;
  awaited = 0;
  #saidAck = false;
  keepsRecord = false;
  /** Of a record, as the transport took the last one. */
  #most = limits.recordTargetBytes;
  #quiet = true;
  #now = 0;

  constructor({ sink, budget, own, peer, goneAfterMs }: ConversationOptions) {
    this.#sink = sink;
    this.#credit = createSendCredits(peer);
    this.#probe = createProbe({ pace: this.#pace, goneAfterMs });
    this.#outbox = createOutbox({ lanes: this.#lanes, budget, own });
    this.#window = createSendWindow({ lanes: this.#lanes, pace: this.#pace, credit: this.#credit, sink: this.#outbox });
    this.#inbound = createInbound({ own, budget, outbox: this.#outbox, sink: this });
    this.#signals = createSignals(this.#window, this.#inbound.credit);
    this.#reader = createRecordReader({ budget, window: this.#window, credit: this.#credit, inbound: this.#inbound, signals: this.#signals });
    this.#received = this.#reader.order;
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
    if (this.#reader.over) return 0;
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
    const reader = this.#reader;
    if (reader.over || reader.verdict !== undefined) return false;
    this.#now = time;
    this.keepsRecord = false;
    this.#quiet = false;
    this.#probe.heard(time);
    const verdict = reader.read(bytes, session, counter, value, time, wall);
    if (verdict === undefined) {
      this.#probe.update(this.#window.outstanding);
      return !reader.over;
    }
    this.#sink.ended(verdict.code, verdict.byPeer);
    return false;
  }

  deliver(delivery: Delivery): void {
    const { buffer, length } = delivery.bytes;
    if (buffer === this.#reader.record?.buffer && isKept(length, buffer.byteLength)) this.keepsRecord = true;
    this.#sink.deliver(delivery);
  }

  wake(): void {
    this.#quiet = false;
    this.#sink.wake();
  }

  overrun(): void {
    if (this.#reader.judge("flow", false) && this.#reader.record === undefined) this.#sink.ended("flow", false);
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
    if (this.#quiet || this.#reader.over) return false;
    return this.#signals.due || this.#window.hasLost || this.#lanes.queuedMessages > 0 || this.#received.ackAt() <= this.#now;
  }

  get owesAck(): boolean {
    return !this.#reader.over && this.#received.ackAt() <= this.#now;
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
    if (this.#reader.over) return 0;
    this.#reader.over = true;
    this.#received.clear();
    this.#inbound.clear();
    return this.#outbox.end(error, this.#window.pending());
  }
}

export const createConversation = (options: ConversationOptions): Conversation => new LinkConversation(options);
