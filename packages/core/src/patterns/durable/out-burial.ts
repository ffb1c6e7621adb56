import { decodeHeader } from "../../envelope/wire.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { DeadLetterOffice } from "../dead-letters/dead-letters.js";
import type { NewDeadLetter, PreparedLetter } from "../dead-letters/types.js";
import type { Writer } from "./writer.js";

export type PrepareLetter = DeadLetterOffice["prepare"];

/** What it takes. */
export interface BurialHost {
  readonly letters: PrepareLetter | undefined;
  readonly writer: Writer;
  readonly runtime: Runtime;
}

/** Why a sender gives a message up. */
export type SenderReason = "expired" | "too_large" | "no_handler" | "handler_failed";

export interface Burial {
  readonly reason: SenderReason;
  readonly cause: string;
  readonly attempts: number;
  /** The entry that says that it is over. */
  readonly key: string;
  /** It is a dead letter, or still a message. */
  readonly settled: (error: TightbeamError | undefined) => void;
}

/** Out of the outbox and among the dead letters, in one batch. */
export function buryOut({ letters, writer, runtime }: BurialHost, peer: string, envelope: Uint8Array, { reason, cause, attempts, key, settled }: Burial): void {
  const { id, method = "", priority, timestamp } = decodeHeader(envelope);
  const letter = prepare(letters, {
    reason,
    cause,
    side: "sender",
    peer,
    messageId: id,
    method,
    priority,
    attempts,
    firstAt: timestamp,
    lastAt: runtime.clock.wall(),
    envelope: envelope.slice(),
  });
  if (letter instanceof TightbeamError) return settled(letter);
  writer.add({
    changes: () => [...(letter?.changes ?? []), { put: key, value: nothing }],
    settled(error) {
      if (error === undefined) letter?.committed();
      else letter?.abandoned();
      settled(error);
    },
  });
}

const nothing = new Uint8Array([1]);

/** An error: there is no room for it, and the message has to stay where it is. Undefined: dead letters are not kept. */
export function prepare(letters: PrepareLetter | undefined, letter: NewDeadLetter): PreparedLetter | TightbeamError | undefined {
  try {
    return letters?.(letter);
  } catch (error) {
    // What does not fit whole is kept without what was in it.
    if (isTightbeamError(error) && error.code === "too_large" && letter.envelope !== undefined)
      return prepare(letters, { ...letter, envelope: undefined, bytes: letter.envelope.length });
    return isTightbeamError(error) ? error : new TightbeamError("internal", "A dead letter could not be made.", { cause: error });
  }
}
