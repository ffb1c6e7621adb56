import type { TightbeamError } from "../../errors.js";

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
  readonly keep?: number;
}

/** How a handler commits. */
export interface CommitOptions extends CheckpointOptions {
  /** 1 to 256 printable characters. Default: the method's name. */
  readonly name?: string;
}

export interface RestoreOptions {
  /** This one. Default: the newest. */
  readonly number?: number;
  /** Where it is damaged: the newest before it that is not. Default false: `store_damaged`. */
  readonly orEarlier?: boolean;
}

export interface SnapshotOptions extends CheckpointOptions {
  /** ms from the end of one to the next, at least 10. */
  readonly every: number;
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
   * together with what it says, after an event of the same name with its key: see `orEarlier`.
   */
  restore(name: string, options?: RestoreOptions): Promise<unknown>;
  /** What is kept under a name, newest first. Rejects as `restore` does. */
  checkpoints(name: string): Promise<readonly Checkpoint[]>;
  /**
   * Keeps what `state` returns, again and again, and once more when the agent closes. One after the other: the time to the next counts from the
   * end of the one before. What fails is an event `checkpoint_failed`. Returns a function that ends it. Throws `invalid_argument`.
   */
  snapshots(name: string, state: () => unknown, options: SnapshotOptions): () => void;
}

/** A snapshot could not be taken or kept: the next one is tried all the same. */
export interface CheckpointEvent {
  readonly type: "checkpoint_failed";
  readonly name: string;
  readonly error: TightbeamError;
}
