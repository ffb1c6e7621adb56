import type { Timers, TransportError } from "@tightbeam/core/transport";

/** One open WebSocket, whoever makes it. Carries binary messages; everything above is the same on every runtime. */
export interface Wire {
  /** Bytes accepted and not yet given to the network. */
  readonly buffered: number;
  /** Takes ownership of the message, `alone` of its buffer too. Says nothing about arrival; after the end it does nothing. */
  send(message: Uint8Array, alone?: boolean): void;
  /** Resolves when `buffered` is below `mark`, and when the wire ends. */
  drained(mark: number): Promise<void>;
  /** The closing handshake, after what was accepted; cut short after 2 s. Resolves at the end. Never rejects. */
  close(): Promise<void>;
  /** Ends it at once. */
  destroy(): void;
}

export interface WireEvents {
  /** Owned by the receiver, but possibly a view of a larger buffer. */
  message(bytes: Uint8Array): void;
  /** A text message came. */
  text(): void;
  /** Once, after the wire was open. `code` and `reason` of the close frame, 1006 and a description when there was none. */
  ended(code: number, reason: string): void;
}

export interface OpenOptions {
  readonly url: URL;
  readonly subprotocols: readonly string[];
  readonly maxMessageBytes: number;
  readonly timeoutMs: number;
  readonly timers: Timers;
  readonly tls: TlsOptions | undefined;
}

/** Resolves with a wire whose subprotocol is `subprotocols[0]`. Rejects with a TransportError: `unavailable`, `denied` or `failed`. */
export type OpenWire = (options: OpenOptions, events: WireEvents) => Promise<Wire>;

/** Certificates on Node. Verification cannot be switched off: give the CA instead. PEM text or bytes. */
export interface TlsOptions {
  /** Replaces the system's CAs. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** The name to ask for and to verify, where it differs from the URL's host. */
  readonly servername?: string | undefined;
}

export const closeTimeoutMs = 2_000;

export type Failure = TransportError;
