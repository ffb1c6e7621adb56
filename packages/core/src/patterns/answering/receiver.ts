import type { EncodedPayload } from "../../codec/types.js";
import { ownPrefix } from "../../contract/standard-schema.js";
import { partFirstByte } from "../../envelope/part-head.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { decodeEnvelope, decodeHeader } from "../../envelope/wire.js";
import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { Caller } from "../asking/caller-types.js";
import type { LetterSources } from "../dead-letters/sources.js";
import { type FrameSlot, frameMark } from "../inside.js";
import type { Taps } from "../taps.js";
import type { Server } from "./server-types.js";

export interface ReceiverOptions {
  readonly caller: Caller;
  readonly server: Server;
  /** Opens a stream: an envelope of type `stream`. */
  readonly stream: Taker;
  /** What is said in a stream, which is no envelope. Settles the delivery. */
  readonly part: (link: Link, delivery: Delivery) => void;
  /** An event of a publisher. */
  readonly event?: Taker | undefined;
  /** A durable message. */
  readonly durable: Taker;
  readonly frames: FrameSlot;
  readonly taps: Taps;
  readonly observe: ((link: Link, header: EnvelopeHeader, payload: EncodedPayload | undefined) => void) | undefined;
  /** Keeps what came and failed, or cannot be decoded. */
  readonly letters: Pick<LetterSources, "came" | "undecodable"> | undefined;
  /** An authenticated peer sent what is no envelope, or an answer nobody waits for. */
  readonly onRefused: (refused: { readonly peer: string; readonly error: TightbeamError }) => void;
}

/** Settles the delivery. */
export type Taker = (link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined) => void;

/** Where every message of every link arrives: decodes its envelope and gives it to whom it is for. */
export function createReceiver({ caller, server, stream, part, event, durable, frames, taps, observe, letters, onRefused }: ReceiverOptions) {
  return (link: Link, came: Delivery): void => {
    let delivery = came;
    const first = delivery.bytes[0];
    if (first === partFirstByte) return part(link, delivery);
    if (first === frameMark && frames.take !== undefined) return frames.take(link, delivery);
    let header: EnvelopeHeader;
    let payload: EncodedPayload | undefined;
    try {
      if (delivery.refused === undefined) ({ header, payload } = decodeEnvelope(delivery.bytes));
      else header = decodeHeader(delivery.bytes);
    } catch (error) {
      letters?.undecodable?.(link, delivery, error as TightbeamError);
      delivery.settle("refused", error);
      onRefused({ peer: link.peer.id, error: error as TightbeamError });
      return;
    }
    const isCall = header.type === "request" || header.type === "notification";
    const isStream = header.type === "stream";
    // What a type counts against is fixed: a peer cannot send requests past its credit by calling them control.
    if (delivery.intake !== (isCall || isStream || header.type === "event")) {
      delivery.settle("refused");
      onRefused({ peer: link.peer.id, error: new TightbeamError("flow", "A message came outside the credit of its type.") });
      return;
    }
    observe?.(link, header, payload);
    if (header.durable !== undefined) return durable(link, delivery, header, payload);
    if (taps.messages !== undefined) {
      if (isCall || isStream || header.type === "event") delivery = taps.messages.came(link, delivery, header);
      else taps.messages.reply(link, delivery, header, caller.askedOf(header.correlationId));
    }
    if (isCall) return letters === undefined ? server.serve(link, delivery, header, payload) : serveKept(letters, link, delivery, header, payload);
    if (header.type === "response" || header.type === "error") {
      delivery.settle("ok");
      return answered(link, delivery, header, payload);
    }
    const take = isStream ? stream : event;
    if (take !== undefined) return take(link, delivery, header, payload);
    delivery.settle("no_handler");
    onRefused({ peer: link.peer.id, error: new TightbeamError("unsupported", `This agent takes no messages of type ${header.type}.`) });
  };

  function serveKept({ came }: Pick<LetterSources, "came">, link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void {
    if (came === undefined || header.type === "request" || header.method?.startsWith(ownPrefix) === true) return server.serve(link, delivery, header, payload);
    const kept = came(link, delivery, header);
    server.serve(link, kept, header, payload);
    kept.returned();
  }

  function answered(link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void {
    if (delivery.refused !== undefined) {
      const error = { code: delivery.refused, message: "The reply was larger than this agent takes.", id: header.id };
      caller.answered(link, { ...header, type: "error", error }, undefined);
    } else if (header.error?.code === "cancelled" && header.correlationId !== undefined && header.error.id === header.correlationId) {
      server.cancel(link, header.correlationId);
    } else if (!caller.answered(link, header, payload)) {
      onRefused({ peer: link.peer.id, error: new TightbeamError("invalid_envelope", "An answer came that nothing waits for: late, repeated or forged.") });
    }
  }
}
