import type { EncodedPayload } from "../../codec/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { type ErrorCode, TightbeamError } from "../../errors.js";
import type { Delivery } from "../../link/message.js";
import { letterPeerOf } from "../dead-letters/peer.js";
import type { Book, HeldMessage } from "./book.js";
import type { HeldHost } from "./held-host.js";
import { prepare } from "./out-burial.js";

export interface HeldBurial {
  readonly reason: ErrorCode;
  readonly cause: string;
  readonly attempts: number;
  /** ms since 1970: when it came. */
  readonly firstAt: number;
  readonly payload: EncodedPayload | undefined;
  /** There is no room for a dead letter now. */
  readonly noRoom: () => void;
  /** It is marked, or not. `kept`: as a dead letter. */
  readonly settled: (error: TightbeamError | undefined, kept: boolean) => void;
}

/** Kept as a dead letter here, and marked, in one batch; without a store it is the sender who keeps it. */
export function buryHeld(host: HeldHost, book: Book, message: HeldMessage & Pick<Delivery, "refused">, burial: HeldBurial): void {
  const { writer, letters, runtime } = host;
  const { reason, cause, attempts, firstAt, payload, noRoom, settled } = burial;
  const { durable: _, ...header } = message.header;
  const letter = prepare(letters, {
    reason,
    cause,
    side: "receiver",
    peer: book.state.peer,
    messageId: header.id,
    method: header.method ?? "",
    priority: header.priority,
    attempts,
    firstAt,
    lastAt: runtime.clock.wall(),
    envelope: message.refused === undefined ? encodeEnvelope(header, payload).slice() : undefined,
    sender: letterPeerOf(book.seat.peer),
  });
  if (letter instanceof TightbeamError) return noRoom();
  writer.add({
    changes: () => [...(letter?.changes ?? []), ...message.removals()],
    shared: book,
    items: [message],
    settled(error) {
      if (error === undefined) letter?.committed();
      else letter?.abandoned();
      settled(error, letter !== undefined);
    },
  });
}
