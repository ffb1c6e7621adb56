import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";

/** The TCP or TLS socket under a `ws`, which its API does not name. Everything that uses it works without, slower. */
export const socketOf = (ws: WebSocket): Socket | undefined => {
  const socket = (ws as unknown as { _socket?: Partial<Socket> | null })._socket;
  return typeof socket?.cork === "function" && typeof socket.uncork === "function" && typeof socket.on === "function" ? (socket as Socket) : undefined;
};

/**
 * Call before each write: everything written until this tick ends leaves in one system call. It multiplies small messages by three or more
 * (bench/RESULTS.md) and delays a single one by nothing measurable.
 */
export function corkPerTurn(socket: Socket | undefined): () => void {
  if (socket === undefined) return () => {};
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  return () => {
    if (corked) return;
    corked = true;
    socket.cork();
    process.nextTick(uncork);
  };
}

/** A binary message as `ws` hands it over with its default `binaryType`. */
export const messageBytes = (data: RawData): Buffer => (Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? Buffer.from(data) : data);
