import type { ErrorCode, TightbeamError } from "../../errors.js";

/** How an agent keeps, sends and takes durable messages. */
export interface DurableOptions {
  /** How often a message's handler may fail here before it becomes a dead letter. Default 5. */
  readonly maxDeliveries?: number | undefined;
  /** ms for which the store that a peer's messages go to may be away before they go to another instance of that agent: at least once from then on. Default: for ever. */
  readonly rebindAfter?: number | undefined;
  /** Messages that may wait for one peer. Default 100,000. */
  readonly outboxMax?: number | undefined;
  /** Bytes of all messages that wait. Default 1 GiB. */
  readonly outboxMaxBytes?: number | undefined;
}

/** Of one peer that durable messages were sent to. */
export interface DurablePeer {
  readonly peer: string;
  /** Kept here and not handled there, those in flight included. */
  readonly queued: number;
  readonly inFlight: number;
  readonly bytes: number;
  /** The store its messages go to, once it is known. */
  readonly store: string | undefined;
  /** How often they were given to another. */
  readonly epoch: number;
  /** Why nothing is sent: `store_rolled_back`, `unsupported`; `no_answer` while there is no link. */
  readonly blocked: ErrorCode | undefined;
}

export interface DurableStatus {
  /** Of this agent's own store; undefined without one. */
  readonly store: string | undefined;
  readonly incarnation: number;
  readonly peers: readonly DurablePeer[];
  /** Durable messages here whose handlers run, wait or are about to be written. */
  readonly receiving: number;
  /** Keys of entries that could not be read: what was in them is lost. At most 1,000. */
  readonly damaged: readonly string[];
  /** Why nothing durable is sent or taken any more. */
  readonly failed: ErrorCode | undefined;
}

/** `agent.durable`. */
export interface AgentDurable {
  status(): DurableStatus;
  /** Settles when everything that was accepted so far is flushed, or can never be. */
  flush(): Promise<void>;
  /**
   * Settles when nothing waits for any peer: all was handled, or is a dead letter. While a peer is away that may take for ever: it rejects with
   * `timeout` after `timeout` ms, `cancelled` when `signal` fires, and `closed` with the agent. Messages stay kept whatever becomes of the waiting.
   */
  idle(options?: { readonly timeout?: number | undefined; readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Forgets what is known of a peer's stores, and lets messages flow again after `store_rolled_back`: what is under way between the two may be handled twice. Rejects what the store rejects. */
  forget(peer: string): Promise<void>;
}

export type DurableEvent =
  /** The messages for this peer go to another of its stores: those under way may be handled by both. */
  | { readonly type: "rebound"; readonly peer: string; readonly from: string; readonly to: string }
  /** Its store, or ours as it remembers it, is not what it was. */
  | { readonly type: "store_rolled_back"; readonly peer: string; readonly error: TightbeamError }
  /** The store failed: nothing durable is sent or taken by this process any more. */
  | { readonly type: "durable_failed"; readonly error: TightbeamError }
  /** An entry of the store could not be read: what was in it is lost. */
  | { readonly type: "store_damaged"; readonly key: string; readonly error: TightbeamError };
