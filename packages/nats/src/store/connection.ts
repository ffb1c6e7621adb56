import { isNatsConnection, type NatsConnection } from "../connection.js";

/** The part of a NATS connection that the store uses. A connection of `@nats-io/nats-core` 3 and one of `nats` 2.29 both have it; no JetStream package is needed. */
export interface JetStreamConnection extends NatsConnection {
  request(subject: string, payload: Uint8Array, options?: { timeout: number; headers?: unknown }): Promise<NatsReply>;
  requestMany(
    subject: string,
    payload: Uint8Array,
    options?: { strategy?: unknown; maxMessages?: number; maxWait?: number; noMux?: boolean },
  ): Promise<AsyncIterable<NatsReply>>;
}

export interface NatsReply {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers?: { readonly code: number } | undefined;
}

export const isJetStreamConnection = (value: unknown): value is JetStreamConnection =>
  typeof value === "object" &&
  value !== null &&
  isNatsConnection(value) &&
  ["request", "requestMany"].every((name) => typeof (value as unknown as Record<string, unknown>)[name] === "function");
