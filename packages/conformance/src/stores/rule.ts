import type { Runtime } from "@tightbeam/core/runtime";
import type { Store } from "@tightbeam/core/store";
import type { Skip } from "../rule.js";

/** What the suite runs on: one place for a store, empty, for each rule. What it cannot do throws, and the rules that need it are skipped with a reason. */
export interface StoreEnv {
  /** Opens the store as a process would that starts. */
  open(): Promise<Store>;
  /**
   * Starts another process that opens the store and calls `writeUntilKilled(store, confirmed)`. Resolves once that runs. `kill` ends it as
   * SIGKILL does (or a power cut, where the store survives one), and resolves when it is gone.
   */
  startWriter(confirmed: (batch: number) => void): Promise<{ kill(): Promise<void> }>;
  /** From now on what the store flushes fails, until the store is opened again. */
  breakFlush(): void | Promise<void>;
  /** Releases whatever `create` made. */
  close(): void | Promise<void>;
}

export interface StoreSubject {
  /** Shown in test names. */
  readonly name: string;
  create(): StoreEnv | Promise<StoreEnv>;
  /** Rules this store is known to break, or that its environment cannot show. A skipped rule still runs: when it passes, the skip is stale and fails. */
  readonly skip?: readonly Skip[] | undefined;
  /** ms for each wait of a rule. Default 20,000. */
  readonly deadlineMs?: number | undefined;
  /** Time for the waits. Default: the machine's. */
  readonly runtime?: Runtime | undefined;
}

export type StoreClause = "S1" | "S2" | "S3" | "S4" | "S5" | "S6" | "S7" | "S8";

/** One thing a clause of `Store` promises, as a check that throws when it is broken. */
export interface StoreRule {
  /** `<clause>/<name>`, stable. */
  readonly id: string;
  readonly clause: StoreClause;
  readonly title: string;
  run(context: StoreRuleContext): Promise<void>;
}

/** What a rule works with. */
export interface StoreRuleContext {
  /** A store that is closed after the rule. */
  open(): Promise<Store>;
  startWriter(confirmed: (batch: number) => void): Promise<{ kill(): Promise<void> }>;
  breakFlush(): Promise<void>;
  /** Lets what is ready run: a turn of the event loop. */
  turn(): Promise<void>;
  /** The promise's outcome; throws when it does not settle before the deadline. */
  within<T>(promise: Promise<T>, what: string): Promise<T>;
  /** Returns once the condition holds; throws when it does not before the deadline. */
  eventually(condition: () => boolean, what: string): Promise<void>;
}
