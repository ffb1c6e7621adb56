/**
 * The part of a NATS connection that the transport uses. A connection of `@nats-io/nats-core` 3 (`connect` of `@nats-io/transport-node`, `wsconnect`)
 * and one of `nats` 2.29 both have it.
 */
export interface NatsConnection {
  /** What the connected server said of itself; undefined while there is none. */
  readonly info?: NatsServerInfo | undefined;
  publish(subject: string, payload?: Uint8Array): void;
  subscribe(subject: string, options: NatsSubscriptionOptions): NatsSubscription;
  /** A round trip to the server. May never settle when the connection is lost meanwhile. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Settles at the end, with the error that ended it, which may be missing. */
  closed(): Promise<unknown>;
  isClosed(): boolean;
  status(): AsyncIterable<{ readonly type: string }>;
}

export interface NatsServerInfo {
  readonly max_payload: number;
  readonly headers?: boolean;
}

export interface NatsSubscriptionOptions {
  queue?: string;
  callback: (error: Error | null, message: { readonly subject: string; readonly data: Uint8Array }) => void;
}

export interface NatsSubscription {
  unsubscribe(): void;
}

export const isNatsConnection = (value: object): value is NatsConnection =>
  ["publish", "subscribe", "flush", "close", "closed", "isClosed", "status"].every((name) => typeof (value as Record<string, unknown>)[name] === "function");
