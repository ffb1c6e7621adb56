import type { TightbeamError } from "../../errors.js";
import type { DamagedEntry } from "../../store/types.js";

/** One version of a state that was kept. */
export interface Checkpoint {
  /** Counts the checkpoints of this name, from 1. */
  readonly number: number;
  /** ms since 1970: when it was written. */
  readonly at: number;
  /** Of the state. */
  readonly bytes: number;
}

export interface CheckpointOptions {
  /** How many checkpoints of this name are kept, this one included: 1 to 100. Default 3. */
  readonly keep?: number | undefined;
}

/** How a handler commits. */
export interface CommitOptions extends CheckpointOptions {
  /** 1 to 256 printable characters. Default: the method's name. */
  readonly name?: string | undefined;
}

export interface RestoreOptions {
  /** This one. Default: the newest. */
  readonly number?: number | undefined;
  /** Where it is damaged: the newest before it that is not. Default false: `store_damaged`. */
  readonly orEarlier?: boolean | undefined;
}

export interface SnapshotOptions extends CheckpointOptions {
  /** ms from the end of one to the next, at least 10. */
  readonly every: number;
}

/** Durable messages of before that this agent goes on to send. */
export interface RecoveredPeer {
  readonly peer: string;
  readonly messages: number;
  readonly bytes: number;
}

/** What is remembered of one sender's messages. */
export interface RecoveredSender {
  readonly peer: string;
  /** The sender's store. */
  readonly store: string;
  /** How many of its messages are marked: they do not run again. */
  readonly marked: number;
}

export interface RecoveredCheckpoint {
  readonly name: string;
  readonly newest: Checkpoint;
  /** How many there are. */
  readonly kept: number;
}

/** What an agent found in its store when it began. */
export interface RecoveryReport {
  /** The store's id. */
  readonly store: string;
  /** How often the store has been opened, this time included. */
  readonly incarnation: number;
  /** The agent before was closed. False: it ended otherwise, or its last words could not be written. Undefined: there was none. */
  readonly clean: boolean | undefined;
  readonly resumed: readonly RecoveredPeer[];
  readonly senders: readonly RecoveredSender[];
  /** Durable messages that were tried and are not handled: their senders send them again. Those that were tried for the first time are not among them. */
  readonly interrupted: number;
  readonly deadLetters: number;
  /** Replies that are kept for repeated calls. */
  readonly idempotencyKeys: number;
  readonly checkpoints: readonly RecoveredCheckpoint[];
  /** Every entry that cannot be read, or says what cannot be, with its key: 1,000 of them. */
  readonly damaged: readonly DamagedEntry[];
  readonly damagedCount: number;
}

/** What is in the store was read. */
export interface RecoveryEvent {
  readonly type: "recovered";
  readonly report: RecoveryReport;
}

/** States that an agent keeps: a JSON value or a Uint8Array each. */
export interface AgentCheckpoints {
  /**
   * Keeps a state under a name of 1 to 256 printable characters, in one batch with the marks of all durable messages whose handlers have settled
   * and are not marked yet. Resolves when it is flushed. The state is read before this returns. Rejects `invalid_argument`, `not_serialisable`,
   * `too_large`, `overloaded`, `closed`, and what the store rejects; a store without room is tried again until it has some.
   */
  checkpoint(name: string, state: unknown, options?: CheckpointOptions): Promise<void>;
  /**
   * The state that was kept last under this name; undefined when there is none. Rejects `store_damaged` when it cannot be read or was not written
   * together with what it says, after an event of the same name with its key: see `orEarlier`. `State` is what the caller knows of it: nothing checks it.
   */
  restore<State = unknown>(name: string, options?: RestoreOptions): Promise<State | undefined>;
  /** What is kept under a name, newest first. Rejects as `restore` does. */
  checkpoints(name: string): Promise<readonly Checkpoint[]>;
  /**
   * Keeps what `state` returns, again and again, and once more when the agent closes. One after the other: the time to the next counts from the
   * end of the one before. What fails is an event `checkpoint_failed`. Returns a function that ends it. Throws `invalid_argument`.
   */
  snapshots(name: string, state: () => unknown, options: SnapshotOptions): () => void;
  /**
   * What this agent found in its store when it began: read by itself, beside everything else, and told once by the event `recovered`. Rejects
   * `invalid_argument` without a store, `closed`, and what the store rejects.
   */
  recover(): Promise<RecoveryReport>;
}

/** A snapshot could not be taken or kept: the next one is tried all the same. */
export interface CheckpointEvent {
  readonly type: "checkpoint_failed";
  readonly name: string;
  readonly error: TightbeamError;
}
