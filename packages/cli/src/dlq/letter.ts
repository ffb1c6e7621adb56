import type { DeadLetter, ErrorCode } from "@tightbeam/core";
import type { StoreOptions } from "../agent.js";
import { type CommandError, usageError } from "../command-error.js";
import type { AgentSettingsOptions } from "../settings.js";

export interface LettersOptions extends AgentSettingsOptions, StoreOptions {
  readonly of?: string;
}

export interface Filter {
  readonly reason?: ErrorCode;
  readonly peer?: string;
  readonly method?: string;
}

/** What is shown of a letter: nothing of its message. */
export type Letter = Omit<DeadLetter, "messageId"> & { readonly messageId?: string | undefined };

/** The letters of one agent, where it runs or in its store. */
export interface Letters {
  /** The newest first. */
  list(filter: Filter, limit: number): Promise<{ readonly letters: readonly Letter[]; readonly more: boolean }>;
  get(id: string): Promise<Letter>;
  /** Undefined: handled, and a letter no longer. Otherwise why it still is one. */
  replay(id: string): Promise<{ readonly code: string; readonly message: string } | undefined>;
  discard(id: string): Promise<number>;
}

export const noSuch = (id: string): CommandError =>
  usageError(`There is no letter ${/^[0-9a-f]{1,16}$/.test(id) ? id : "of this id"}.`, "`tightbeam dlq list` shows those there are.");
