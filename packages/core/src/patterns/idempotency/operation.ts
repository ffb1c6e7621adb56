import type { EncodedPayload } from "../../codec/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Call } from "../answering/running-calls.js";
import type { KeptReply } from "./types.js";

/** One key of one peer agent, from the first call with it until its reply is kept. */
export interface Operation {
  readonly peer: string;
  readonly key: string;
  readonly content: Uint8Array;
  /** Whose handler runs, or waits for its turn; undefined when it is over and its reply is not kept yet. */
  runner: Call | undefined;
  /** Why its caller waits no longer, although others do. */
  deserted: TightbeamError | undefined;
  /** The others, in their order. */
  readonly waiting: Map<Call, EncodedPayload | undefined>;
  /** Keeps the reply, and may be tried again. */
  flush: (() => Promise<void>) | undefined;
  reply: KeptReply | undefined;
  /** Of `reply`, while it could not be kept. */
  unkeptBytes: number;
}

/** `runner`: the first call with the key. */
export const newOperation = (peer: string, key: string, content: Uint8Array, runner: Call): Operation => ({
  peer,
  key,
  content,
  runner,
  deserted: undefined,
  waiting: new Map(),
  flush: undefined,
  reply: undefined,
  unkeptBytes: 0,
});
