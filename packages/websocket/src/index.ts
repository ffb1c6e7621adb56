export { connectWebSocket, type WebSocketOptions } from "./connect.js";
export type { WebSocketTransport } from "./transport.js";
export type { ReconnectOptions } from "./backoff.js";
export type { TlsOptions } from "./wire/wire.js";
export type { WebSocketConstructor, WebSocketLike } from "./wire/web.js";
