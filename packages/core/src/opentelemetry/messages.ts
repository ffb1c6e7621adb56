import type { Attributes } from "@opentelemetry/api";
import type { MessageMoment, MessageStage } from "../telemetry/types.js";
import { isUnseen } from "../telemetry/unseen.js";
import type { Instruments } from "./instruments.js";
import type { LabelSets } from "./labels.js";
import { attribute, system } from "./names.js";
import { isCallersDoing } from "./outcome.js";
import { operationOf } from "./spans.js";

/** One stage of one message, as what the conventions count and time. Replies are counted with their requests. */
export function measureMessage(own: Instruments, labels: LabelSets, agent: string, moment: MessageMoment): void {
  const { what, direction, code } = moment;
  const by: Attributes = { [attribute.agent]: agent };
  if (what === "dead_lettered") own.deadLetters.add(1, failedBy(by, code));
  if (what === "failed" || what === "expired") own.errors.add(1, failedBy({ ...by, [attribute.direction]: direction }, code ?? "expired"));
  if (moment.name === undefined || !measured.has(what)) return;
  const name = labels.methods[direction].of(moment.name, !(direction === "received" && isUnseen(code)));
  if (moment.type === "request" || moment.type === "stream") measureCall(own, labels, by, name, moment);
  if (moment.type === "notification" || moment.type === "event") measureOneWay(own, by, name, moment);
}

const ends: ReadonlySet<MessageStage> = new Set(["answered", "processed", "failed", "expired"]);
/** Of what came, the end alone: before that a name may be one that nobody handles. */
const measured: ReadonlySet<MessageStage> = new Set([...ends, "sent", "acknowledged"]);

function measureCall(own: Instruments, labels: LabelSets, by: Attributes, name: string, moment: MessageMoment): void {
  const { what, direction, code, duration } = moment;
  if (!ends.has(what) || duration === undefined) return;
  const call: Attributes = { ...by, [attribute.rpcSystem]: system, [attribute.rpcMethod]: name };
  if (code !== undefined) call[attribute.rpcStatus] = code;
  if (direction === "sent") {
    call[attribute.serverAddress] = labels.peers.of(moment.peer.id, true);
    own.clientDuration.record(duration / 1_000, failedBy(call, code));
    return;
  }
  call[attribute.serverAddress] = by[attribute.agent];
  own.serverDuration.record(duration / 1_000, code !== undefined && isCallersDoing(code) ? call : failedBy(call, code));
}

function measureOneWay(own: Instruments, by: Attributes, name: string, moment: MessageMoment): void {
  const { what, direction, code, duration } = moment;
  const sending = direction === "sent";
  const operation = sending ? operationOf(moment) : "process";
  const message: Attributes = {
    ...by,
    [attribute.messagingSystem]: system,
    [attribute.messagingOperation]: operation,
    [attribute.messagingOperationType]: sending ? "send" : "process",
    [attribute.messagingDestination]: name,
  };
  if (sending) {
    if (what === "sent") own.sent.add(1, message);
    if ((what === "acknowledged" || (what === "failed" && !wasAcknowledged(code))) && duration !== undefined)
      own.operationDuration.record(duration / 1_000, failedBy(message, code));
    return;
  }
  if ((what !== "processed" && what !== "failed") || isUnseen(code)) return;
  own.consumed.add(1, failedBy(message, code));
  if (duration !== undefined) own.processDuration.record(duration / 1_000, failedBy(message, code));
}

/** The peer had it, and its handler or the lack of one is what failed. */
const wasAcknowledged = (code: string | undefined): boolean => code === "no_handler" || code === "handler_failed";

const failedBy = (attributes: Attributes, code: string | undefined): Attributes =>
  code === undefined ? attributes : { ...attributes, [attribute.errorType]: code };
