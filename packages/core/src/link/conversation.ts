import { empty } from "../bytes.js";
import { protocol } from "../limits.js";
import { type CellBuffer, type CellVisitor, putClose, putCredit, putPing, putPong, readCells } from "./cells.js";
import { createSendCredits } from "./credit.js";
import { createInbound } from "./inbound.js";
import { createLanes } from "./lanes.js";
import { createReceiveOrder } from "./order.js";
import { createOutbox } from "./outbox.js";
import { createPace } from "./pace.js";
import { createProbe } from "./probe.js";
import type { Conversation, ConversationOptions } from "./types.js";
import { createSendWindow } from "./window.js";

export type { Conversation, ConversationCounters, ConversationOptions, ConversationSink } from "./types.js";

/** A full record while the window is small would be all of it: then nothing later could tell that it was lost. */
const recordsPerWindow = 4;
const smallestRecord = protocol.cellMaxBytes + protocol.cellHeaderBytes;
const nothingDue = { probe: false, ping: false, askCredit: false, credit: false, pong: -1, close: "" };
type Due = typeof nothingDue;

export function createConversation(options: ConversationOptions): Conversation {
  const { sink, budget, own } = options;
  const pace = createPace();
  const lanes = createLanes();
  const credit = createSendCredits(options.peer);
  const probe = createProbe({ pace, goneAfterMs: options.goneAfterMs });
  const outbox = createOutbox({ lanes, budget, own });
  const window = createSendWindow({ lanes, pace, credit, sink: outbox });

  /** What the next record is to say beside acknowledgements and messages; and what the last one said. */
  let due: Due = { ...nothingDue };
  let said: Due = { ...nothingDue };
  let saidAck = false;
  let eliciting = false;
  let quiet = true;
  let over = false;
  /** Why the link ends: what the peer said, or what it did wrong. */
  let verdict: { readonly code: string; readonly byPeer: boolean } | undefined;
  let reading = false;
  let clockOffset: number | undefined;
  let pinged = -1;
  let now = 0;
  let wallNow = 0;

  const inbound = createInbound({
    own,
    budget,
    outbox,
    deliver: (delivery) => sink.deliver(delivery),
    wake() {
      quiet = false;
      sink.wake();
    },
    overrun: () => fail("flow"),
  });
  const received = createReceiveOrder({
    budget,
    deliver(type, flags, lane, sequence, data) {
      if (verdict !== undefined || over) return;
      const wrong = inbound.take(type, flags, lane, sequence, data);
      if (wrong !== undefined) fail(wrong);
    },
  });

  const fail = (code: string): void => {
    if (verdict !== undefined || over) return;
    verdict = { code, byPeer: false };
    if (!reading) sink.ended(code, false);
  };

  let record = empty;
  let recordSession: object = record;
  const visitor: CellVisitor = {
    sequenced(type, flags, lane, sequence, start, end) {
      if (verdict !== undefined || over) return;
      eliciting = true;
      received.take(type, flags, lane, sequence, record.subarray(start, end));
    },
    ack(ack) {
      if (!over) window.acknowledge(ack, recordSession, now);
    },
    credit(grant, blocked) {
      if (grant !== undefined) credit.grant(grant);
      if (blocked) inbound.credit.asked();
    },
    ping(wall) {
      eliciting = true;
      due.pong = wall;
    },
    pong(echoed, wall) {
      // Ours came back: the peer read its clock half way between.
      if (echoed === pinged) clockOffset = wall - (echoed + wallNow) / 2;
      pinged = -1;
    },
    close(code) {
      verdict ??= { code, byPeer: true };
    },
  };

  /** Cells that are not part of a lane. */
  const putDue = (buffer: CellBuffer, start: number, room: number, wall: number): number => {
    let at = start;
    if (due.credit || due.askCredit || inbound.credit.due()) {
      const grant = due.credit || inbound.credit.due();
      at = putCredit(buffer, at, due.askCredit, grant ? inbound.credit.tell() : undefined);
      // So that a peer that is gone is noticed although nothing else can be sent.
      if (due.askCredit && !window.outstanding) due.ping = true;
      due.credit = grant;
    }
    if (due.pong >= 0) at = putPong(buffer, at, due.pong, wall);
    if (due.close !== "") return putClose(buffer, at, due.close);
    if (due.probe) {
      const probed = window.fillProbe(buffer, at, room);
      due.ping ||= probed === at;
      at = probed;
    }
    if (due.ping) {
      at = putPing(buffer, at, wall);
      pinged = wall;
      eliciting = true;
    }
    return at;
  };

  const hasDue = (): boolean => due.probe || due.ping || due.askCredit || due.credit || due.pong >= 0 || due.close !== "" || inbound.credit.due();

  return {
    send(message) {
      quiet = false;
      return outbox.send(message);
    },
    fill(buffer, most, counter, time, wall) {
      now = time;
      eliciting = false;
      quiet = true;
      if (over) return 0;
      const room = Math.min(most, Math.max(smallestRecord, Math.floor(pace.window() / recordsPerWindow)));
      const acked = received.writeAck(buffer, 0, most, counter, time);
      const closing = due.close !== "";
      let at = acked;
      said = due;
      if (hasDue()) {
        at = putDue(buffer, at, most, wall);
        due = { ...nothingDue };
      }
      if (!closing) {
        at = window.fill(buffer, at, Math.min(most, acked + room));
        probe.blocked(lanes.waitsForCredit(credit), time);
      }
      if (at === acked && (at === 0 || received.ackAt() > time)) return 0;
      saidAck = acked > 0;
      if (saidAck) received.acknowledged();
      quiet = false;
      return at;
    },
    sent(session, counter, time) {
      if (window.sent(session, counter, time, eliciting)) probe.sent(time);
    },
    notSent() {
      window.notSent();
      if (saidAck) received.notAcknowledged();
      due = said;
      quiet = false;
    },
    receive(bytes, session, counter, value, time, wall) {
      if (over || verdict !== undefined) return false;
      now = time;
      wallNow = wall;
      record = bytes;
      recordSession = session;
      eliciting = false;
      quiet = false;
      probe.heard(time);
      reading = true;
      if (!readCells(bytes, visitor)) verdict ??= { code: "malformed", byPeer: false };
      reading = false;
      if (eliciting) received.recordRead(counter, value, time);
      const ended = verdict as typeof verdict | undefined;
      if (ended === undefined) {
        probe.update(window.outstanding);
        return !over;
      }
      sink.ended(ended.code, ended.byPeer);
      return false;
    },
    deadline: (paused) => (paused ? Number.POSITIVE_INFINITY : Math.min(received.ackAt(), window.judgeAt, probe.deadline(window.outstanding))),
    tick(time) {
      now = time;
      quiet = false;
      window.judge(time);
      const asked = probe.tick(time, window.outstanding);
      due.probe ||= asked.probe;
      due.ping ||= asked.ping;
      due.askCredit ||= asked.askCredit;
    },
    probe(time) {
      now = time;
      quiet = false;
      probe.restart(time);
      if (window.outstanding) due.probe = true;
      else due.ping = true;
    },
    close(code) {
      quiet = false;
      due.close = code;
    },
    health: (time) => ({ suspect: probe.suspect(time), gone: probe.gone(time), probes: probe.probes() }),
    get wantsToSend() {
      return !quiet && !over && (hasDue() || window.hasLost || lanes.queuedMessages > 0 || received.ackAt() <= now);
    },
    get idle() {
      return lanes.queuedMessages === 0 && !window.outstanding && !outbox.waitsForDone;
    },
    get next() {
      return { expected: received.next(), toSend: window.nextToSend, acknowledged: window.acknowledgedBelow };
    },
    acknowledgeBelow(next, time) {
      now = time;
      quiet = false;
      window.acknowledgeBelow(next, time);
    },
    get counters() {
      return {
        messagesSent: outbox.accepted,
        messagesReceived: inbound.messages,
        cellsSent: window.cellsSent,
        cellsResent: window.resent,
        duplicates: received.duplicates(),
        queuedMessages: lanes.queuedMessages,
        queuedBytes: lanes.queuedBytes,
        unacknowledgedBytes: window.unacknowledgedBytes,
        heldBytes: received.heldBytes(),
        roundTrip: pace.smoothed(),
        congestionWindow: pace.window(),
        clockOffset,
      };
    },
    get clockOffset() {
      return clockOffset;
    },
    end(error) {
      if (over) return 0;
      over = true;
      received.clear();
      inbound.clear();
      return outbox.end(error, window.pending());
    },
  };
}
