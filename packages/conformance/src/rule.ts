import type { Runtime, Transport } from "@tightbeam/core/transport";

/** What the suite runs on: one medium of its own for each rule. */
export interface TransportEnv {
  /**
   * A transport for the agent `id` (`[realm/]name`). Called several times with one id it gives as many transports (instances).
   * Permissions must let it send anywhere and subscribe to `agent/<id>` (plain or in any group) and `inbox/<id>/<any segment>`.
   */
  connect(id: string): Promise<Transport>;
  /** Loses the medium for every transport; returning before they have noticed is fine. */
  cut(): void | Promise<void>;
  /** Makes the medium usable again; returning before the transports are back is fine. */
  restore(): void | Promise<void>;
  /** Releases whatever `create` made. */
  close(): void | Promise<void>;
}

export interface Subject {
  /** Shown in test names. */
  readonly name: string;
  create(): TransportEnv | Promise<TransportEnv>;
  /** Rules this transport is known to break. A skipped rule still runs: when it passes, the skip is stale and fails. */
  readonly skip?: readonly Skip[] | undefined;
  /** ms a rule waits for what must happen. Default 5,000. */
  readonly deadlineMs?: number | undefined;
  /** ms a rule gives to what must not happen, beside a frame sent after it. Default 25. */
  readonly settleMs?: number | undefined;
  /** Time for the waits above. Default: the machine's. */
  readonly runtime?: Runtime | undefined;
}

export interface Skip {
  /** A rule id, such as `T10/one-of-group`. */
  readonly rule: string;
  readonly reason: string;
}

export type Clause = "T1" | "T2" | "T3" | "T4" | "T5" | "T6" | "T7" | "T8" | "T9" | "T10" | "T11" | "T12";

/** One thing a clause of the contract promises, as a check that throws when it is broken. */
export interface Rule {
  /** `<clause>/<name>`, stable. */
  readonly id: string;
  readonly clause: Clause;
  readonly title: string;
  /** True when a medium that loses, repeats, reorders or changes frames cannot pass: it says nothing about such a medium. */
  readonly lossless: boolean;
  run(context: RuleContext): Promise<void>;
}

/** What a rule works with. */
export interface RuleContext {
  /** A transport that is closed after the rule. */
  connect(id: string): Promise<Transport>;
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** The promise's outcome; throws when it does not settle before the deadline. */
  within<T>(promise: Promise<T>, what: string): Promise<T>;
  /** Returns once the condition holds; throws when it does not before the deadline. */
  eventually(condition: () => boolean, what: string | (() => string)): Promise<void>;
  /** Waits `settleMs`, or the given ms: time for what must not happen. */
  settle(ms?: number): Promise<void>;
}
