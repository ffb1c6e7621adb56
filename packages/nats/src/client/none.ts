import { TransportError } from "@tightbeam/core/transport";
import type { NatsConnection } from "../connection.js";
import type { DialOptions } from "./options.js";

/** Where there are no TCP sockets. */
export async function openConnection(_: DialOptions): Promise<NatsConnection> {
  throw new TransportError(
    "unsupported",
    "This runtime opens no TCP sockets: connect over WebSocket with the NATS client of your choice and pass the connection.",
  );
}
