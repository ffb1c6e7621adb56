import { TransportError } from "@tightbeam/core/transport";
import type { NatsConnection } from "../connection.js";
import type { DialOptions } from "./options.js";

const unsupported = "This runtime opens no TCP sockets: connect over WebSocket with the NATS client of your choice and pass the connection.";

/** Where there are no TCP sockets. */
export const openConnection: (options: DialOptions) => Promise<NatsConnection> = () => Promise.reject(new TransportError("unsupported", unsupported));
