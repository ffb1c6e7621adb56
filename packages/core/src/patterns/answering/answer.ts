import type { EncodedPayload } from "../../codec/types.js";
import { toWireError } from "../../envelope/error.js";
import type { Ids } from "../../envelope/id.js";
import type { EnvelopeHeader, OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, Outcome } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import { laneOfPriority } from "../asking/operation.js";
import type { Taps } from "../taps.js";

export interface AnswerOptions {
  readonly runtime: Runtime;
  readonly ids: Ids;
  readonly taps: Taps;
  /** A handler failed or its output did not fit: the rest of what the caller is told only by id. */
  readonly onFailure: (failure: { readonly id: string; readonly method: string; readonly peer: string; readonly error: unknown }) => void;
  readonly observe: ((link: Link, header: OutgoingHeader, payload: EncodedPayload | undefined) => void) | undefined;
}

/** Sends a response, or an error where there is one. */
export type Answer = (link: Link, delivery: Delivery, request: EnvelopeHeader, payload: EncodedPayload | undefined, error: unknown) => void;

function createAnswer({ runtime, ids, taps, onFailure, observe }: AnswerOptions): Answer {
  const answer: Answer = (link, delivery, request, payload, error) => {
    const timestamp = runtime.clock.wall();
    const { id: correlationId, priority } = request;
    let header: OutgoingHeader;
    if (error === undefined) header = { type: "response", id: ids.bytes(timestamp), correlationId, timestamp, priority };
    else {
      const id = ids.text(timestamp);
      header = { type: "error", id, correlationId, timestamp, priority, error: toWireError(error, id) };
      onFailure({ id, method: request.method ?? "", peer: link.peer.id, error });
    }
    const bytes = encodeEnvelope(header, payload);
    const most = link.peer.limits.maxMessageBytes;
    if (bytes.length > most && error === undefined) {
      return answer(
        link,
        delivery,
        request,
        undefined,
        new TightbeamError("too_large", `The reply has ${bytes.length} bytes; the caller takes at most ${most}.`),
      );
    }
    try {
      const message = {
        bytes,
        lane: laneOfPriority(request.priority, bytes.length),
        intake: false,
        kept: false,
        part: false,
        wantsDone: false,
        watch: undefined,
      };
      if (taps.messages === undefined) link.send(message);
      else taps.messages.send(link, header, message, request, delivery);
      observe?.(link, header, payload);
    } catch (cause) {
      // The link ended while the handler ran: the caller has its `delivery_unknown`.
      if (link.state === "ended") return;
      // No memory for this reply: an error is smaller. A peer that leaves no room even for that takes none of its answers.
      if (error === undefined) answer(link, delivery, request, undefined, cause);
      else link.close("overloaded");
    }
  };
  return answer;
}

/** What came of a call, for its peer, for this agent's listeners and for the delivery it came in. */
export type Finish = (link: Link, delivery: Delivery, header: EnvelopeHeader, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown) => void;

/** The last of it, where nobody is answered any more. */
export type Settle = (link: Link, delivery: Delivery, header: EnvelopeHeader, outcome: Outcome, error: unknown) => void;

export const createSettle =
  (taps: Taps): Settle =>
  (link, delivery, header, outcome, error) => {
    if (error !== undefined) taps.messages?.refused(link, delivery, header, outcome, error);
    delivery.settle(outcome, error);
  };

export function createFinish(options: AnswerOptions): Finish {
  const answer = createAnswer(options);
  const settle = createSettle(options.taps);
  return (link, delivery, header, outcome, payload, error) => {
    if (header.type === "request") answer(link, delivery, header, payload, error);
    else if (error !== undefined) options.onFailure({ id: header.id, method: header.method ?? "", peer: link.peer.id, error });
    settle(link, delivery, header, outcome, error);
  };
}

/** Again after 0 ms: another instance may take it. */
export const closingSoon = (): TightbeamError => new TightbeamError("overloaded", "This agent is closing and takes no more calls.", { retryAfter: 0 });
