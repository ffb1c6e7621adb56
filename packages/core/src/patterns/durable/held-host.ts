import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, NamedCommit } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Taps } from "../taps.js";
import type { Book, HeldMessage } from "./book.js";
import type { PrepareLetter } from "./out-burial.js";
import type { Turns } from "./turns.js";
import type { Writer } from "./writer.js";

/** What the messages of one receiver share. */
export interface HeldHost {
  readonly runtime: Runtime;
  readonly writer: Writer;
  /** False: what is remembered is gone with this process. */
  readonly kept: boolean;
  /** Keeps a state in one batch with a message's mark. Undefined without a store. */
  readonly save: ((book: Book, message: HeldMessage, state: unknown, options: NamedCommit) => Promise<void>) | undefined;
  /** Undefined: dead letters stay with their senders. */
  readonly letters: PrepareLetter | undefined;
  readonly maxDeliveries: number;
  readonly turns: Turns;
  readonly taps: Taps;
  readonly serve: (link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined) => void;
  readonly isOrdered: (method: string) => boolean;
  readonly stopped: () => boolean;
  /** One more message is over. */
  readonly onOver: () => void;
}
