import { type ErrorDetails, TightbeamError } from "../errors.js";
import type { Address } from "./address.js";

/** Carries frames between addresses. It may lose, repeat and reorder them, and is trusted with nothing. Clauses T1 to T12: docs/writing-a-transport.md. */
export interface Transport {
  /**
   * Facts about this medium. Core branches on these, never on a name. `maxFrameBytes` may grow, never shrink below 20 KiB + overhead.
   * `frontBytes`, at most 512: large frames may be given, with so many bytes free before them in their buffer, for a header of the medium's own (clause T11).
   * `bestFrameBytes`, 20 KiB + overhead or more: larger frames cost this medium more than they save, so links fill theirs no further.
   */
  readonly capabilities: {
    readonly maxFrameBytes: number;
    readonly groups: boolean;
    readonly fanout: boolean;
    readonly frontBytes?: number | undefined;
    readonly bestFrameBytes?: number | undefined;
  };
  /**
   * The instance this transport is bound to, for media whose login names one (the WebSocket relay): an agent on this transport takes it as its own,
   * because the medium lets it listen at `inbox/<id>/<instance>` of exactly this instance. Absent where the medium does not care. 22 base64url characters.
   */
  readonly instance?: string | undefined;
  /** What people call this medium: "memory". Nothing depends on it. */
  readonly name?: string | undefined;
  /** Up or down right now; changes also carry asynchronous send failures (a permission refused later) and inbox drops. */
  readonly state: TransportState;
  /** Settles once and never rejects: undefined after close(), otherwise why the medium was lost for good. */
  readonly closed: Promise<TransportError | undefined>;
  /**
   * Hands one frame to the medium. Resolves when it is safe to send another. Not a receipt. Rejects with a TransportError.
   * `given`, only where `frontBytes` says so: the frame takes its whole buffer with it, and both are the transport's from now on, whatever becomes of the call.
   */
  send(to: Address, frame: Uint8Array, given?: boolean): Promise<void>;
  /** Resolves when frames sent from now on will arrive, with a function that ends the subscription. */
  subscribe(at: Address, receive: Receive, options?: SubscribeOptions): Promise<Unsubscribe>;
  /** Flushes what was accepted, stops delivery, releases everything. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Calls are serial: the next waits for the returned promise. The receiver owns the bytes. */
export type Receive = (frame: Uint8Array) => void | Promise<void>;
export type Unsubscribe = () => Promise<void>;
export interface SubscribeOptions {
  /** Within a group exactly one live member gets each frame. */
  readonly group?: string | undefined;
}

export interface TransportState {
  readonly current: "up" | "down";
  /** Listeners are called after `current` has changed; what they throw is swallowed. */
  subscribe(listener: (change: StateChange) => void): () => void;
}

export type StateChange =
  | { readonly type: "up" }
  | { readonly type: "down"; readonly cause: TransportError | undefined }
  | { readonly type: "send_failed"; readonly to: Address; readonly error: TransportError }
  | { readonly type: "dropped"; readonly at: Address; readonly frames: number; readonly bytes: number };

export type TransportErrorCode = "closed" | "replaced" | "unavailable" | "too_large" | "denied" | "unsupported" | "failed";

export class TransportError extends TightbeamError {
  declare readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, details?: ErrorDetails) {
    super(code, message, details);
  }
}
