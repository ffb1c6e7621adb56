export { connectNats, type NatsConnectionOptions, type NatsOptions, type NatsServerOptions } from "./connect.js";
export type { NatsConnection, NatsServerInfo, NatsSubscription, NatsSubscriptionOptions } from "./connection.js";
export type { NatsLogin, TlsOptions } from "./client/options.js";
export type { ReconnectOptions } from "./backoff.js";
export { type Tap, type TapOptions, tapNats } from "./tap.js";
