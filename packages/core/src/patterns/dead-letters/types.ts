import type { Envelope, Priority } from "../../envelope/types.js";
import type { ErrorCode, TightbeamError } from "../../errors.js";
import type { StoreChange } from "../../store/types.js";

/** sender: this agent sent it. receiver: it came here. */
export type DeadLetterSide = "sender" | "receiver";

/** A message that will not be tried again, kept with its reason. */
export interface DeadLetter {
  /** Twelve hex digits, in the order in which letters were kept; never used twice. */
  readonly id: string;
  /** Why it will not be tried again. */
  readonly reason: ErrorCode;
  /** The reason in words, without anything of the payload: of what a handler threw that was no TightbeamError, its name only. At most 512 characters. */
  readonly cause: string;
  readonly side: DeadLetterSide;
  /** The agent it was for, or came from. */
  readonly peer: string;
  /** Empty for what could not be decoded. */
  readonly method: string;
  /** Of the envelope; undefined for what could not be decoded. */
  readonly messageId: string | undefined;
  readonly priority: Priority;
  /** How often it was tried, replays included. */
  readonly attempts: number;
  /** Wall ms: when it was sent or came first, and when it was tried last. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Of the whole envelope. */
  readonly bytes: number;
  /** False when the message was larger than what is kept: it cannot be replayed. */
  readonly kept: boolean;
}

/** A letter with what was in it. */
export interface DeadLetterContents extends DeadLetter {
  /** Decoded; undefined when that is not possible, or the message was not kept. */
  readonly envelope: Envelope | undefined;
  /** The envelope's bytes (docs/protocol.md); undefined when the message was not kept. */
  readonly raw: Uint8Array | undefined;
}

/** Letters that fit all of what is given. */
export interface DeadLetterFilter {
  readonly reason?: ErrorCode | readonly ErrorCode[] | undefined;
  readonly peer?: string | undefined;
  readonly method?: string | undefined;
  readonly side?: DeadLetterSide | undefined;
  /** Wall ms of `lastAt`, this one included. */
  readonly from?: number | undefined;
  /** Wall ms of `lastAt`, this one not included. */
  readonly to?: number | undefined;
}

export interface DeadLetterQuery extends DeadLetterFilter {
  /** 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
  /** Only letters behind this id, as `next` of the page before says. */
  readonly after?: string | undefined;
  /** The newest first. Default false. */
  readonly reverse?: boolean | undefined;
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[];
  /** Give it as `after` for the next page; undefined on the last one. */
  readonly next: string | undefined;
}

export interface ReplayOptions {
  /** Sends or runs it under another message id. Default false: who has seen it may recognise it. */
  readonly newId?: boolean | undefined;
  /** ms until each letter must have an outcome. Default 30,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ReplayReport {
  /** Handled now, and letters no longer. */
  readonly replayed: number;
  /** Still letters. At most 1,000 are named. */
  readonly failed: readonly { readonly id: string; readonly error: TightbeamError }[];
  readonly failedCount: number;
}

export interface DeadLetterStatistics {
  /** Letters there are, and bytes of their messages. */
  readonly count: number;
  readonly bytes: number;
  readonly sender: number;
  readonly receiver: number;
  readonly reasons: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Wall ms of `lastAt`. */
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  /** Since this agent began: letters kept, replayed, discarded by hand, dropped by retention, and messages that could not be kept. */
  readonly added: number;
  readonly replayed: number;
  readonly discarded: number;
  readonly dropped: number;
  readonly notKept: number;
  /** Entries of the store that are no letters any more: damaged, or of another release. They stay where they are. */
  readonly damaged: number;
}

export interface DeadLetterOptions {
  readonly retention?: {
    /** Default 10,000; at most 100,000. Of what came here one peer's part is half, that of all peers three quarters. */
    readonly count?: number | undefined;
    /** ms since it was tried last. Default 30 days. */
    readonly age?: number | undefined;
    /** Of messages. Default 256 MiB; 16 MiB without a store. */
    readonly bytes?: number | undefined;
    /** What happens at `count` and `bytes`: the oldest letter goes (default), or no more is kept, and durable messages stay undone. */
    readonly whenFull?: "drop-oldest" | "refuse" | undefined;
  };
  /** One event `dead_letters` when so many letters are there, and again when there were fewer in between. Default 1,000; 0: none. */
  readonly alert?: { readonly threshold: number } | undefined;
  /** Keeps notifications that were sent and whose link ended before they were acknowledged. Default true. */
  readonly undelivered?: boolean | undefined;
  /** Keeps what an authenticated peer sent and cannot be decoded. Default true. */
  readonly undecodable?: boolean | undefined;
  /** Keeps notifications that came here and were refused, expired or failed. Default true. */
  readonly failed?: boolean | undefined;
}

/** Messages that will not be tried again. Every member rejects `unsupported` for an agent without dead letters, `invalid_argument`, and what its store rejects. */
export interface DeadLetters {
  /** In the order in which they were kept. */
  list(query?: DeadLetterQuery): Promise<DeadLetterPage>;
  /** Undefined when there is none of this id. Rejects `store_damaged` when what was in it cannot be read. */
  get(id: string): Promise<DeadLetterContents | undefined>;
  /**
   * Tries one letter again, or all that fit. What was sent goes to the same agent, as a notification that waits for its handler; what came runs
   * through this agent's own handlers as if it had come now. A letter goes when that has succeeded: a crash in between leaves it, so at least once.
   */
  replay(which: string | DeadLetterFilter, options?: ReplayOptions): Promise<ReplayReport>;
  /** How many are gone. */
  discard(which: string | DeadLetterFilter): Promise<number>;
  statistics(): Promise<DeadLetterStatistics>;
}

/** What an authenticated peer was when its message came. */
export interface LetterPeer {
  readonly instance: string;
  readonly issuer: string;
  readonly thumbprint: string;
  readonly permissions: readonly string[];
  /** Of its token, for a later look at whether that was revoked. */
  readonly jti: string;
  readonly issuerKey: string | undefined;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** A letter before it is kept. */
export interface NewDeadLetter extends Omit<DeadLetter, "id" | "bytes" | "kept"> {
  /** The whole envelope; the letter's own from now on. Undefined: too large to be kept. */
  readonly envelope: Uint8Array | undefined;
  /** Of the whole envelope. Default: of `envelope`. */
  readonly bytes?: number;
  /** Who sent it: only for what came here. */
  readonly sender?: LetterPeer;
}

/** A letter that is about to be kept, in the batch of whoever asked. */
export interface PreparedLetter {
  readonly id: string;
  readonly changes: readonly StoreChange[];
  /** The batch is flushed. */
  committed(): void;
  /** The batch failed: its room is free again. */
  abandoned(): void;
}

export type DeadLetterEvent =
  /** A message became a letter. */
  | {
      readonly type: "dead_letter";
      readonly id: string;
      readonly reason: ErrorCode;
      readonly side: DeadLetterSide;
      readonly peer: string;
      readonly method: string;
    }
  /** alert: as many as `alert.threshold`. dropped: retention removed `count`. not_kept: `count` messages could not be kept, and are lost unless they are durable. */
  | {
      readonly type: "dead_letters";
      readonly what: "alert" | "dropped" | "not_kept";
      readonly count: number;
      readonly error?: TightbeamError;
    };
