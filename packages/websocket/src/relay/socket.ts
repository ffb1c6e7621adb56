import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import { closeCode, type Reason } from "../reasons.js";
import { createWriter, messageBytes, socketOf } from "../wire/ws.js";
import type { RelayCounters } from "./counters.js";

export interface SocketEvents {
  message(bytes: Buffer): void;
  text(): void;
  /** The peer sent one of the WebSocket's own pings or pongs. */
  control(): void;
  closed(): void;
}

/** A `ws` with its dangers taken out: errors are always listened to, writes are corked per turn, and who listens can be exchanged when the login is through. */
export interface Socket {
  readonly buffered: number;
  events: SocketEvents;
  send(message: Uint8Array): void;
  /** One message of two parts that nobody changes any more. `written`: instead of freeing a large body that has left. */
  sendParts(head: Uint8Array, body: Uint8Array, written?: () => void): void;
  /** Called each time everything that waited has left. */
  onDrain(listener: () => void): void;
  /** Stops reading for so long. */
  pause(): void;
  resume(): void;
  /** From here on messages may be this long. */
  allow(maxMessageBytes: number): void;
  /** Closes with the reason; a peer that does not answer is cut off by `ws` after its close timeout. */
  end(reason: Reason): void;
  destroy(): void;
}

export function createSocket(ws: WebSocket, request: IncomingMessage, counters: RelayCounters, events: SocketEvents): Socket {
  const tcp = socketOf(ws);
  const writer = createWriter(ws, "server");
  const self: Socket = {
    events,
    get buffered() {
      return ws.bufferedAmount;
    },
    send: (message) => writer.write(message),
    sendParts: (head, body, written) => writer.writeParts(head, body, written),
    onDrain(listener) {
      tcp?.on("drain", listener);
    },
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    allow: (maxMessageBytes) => limitMessages(ws, maxMessageBytes),
    end(reason) {
      ws.resume();
      ws.close(closeCode(reason), reason);
    },
    destroy() {
      ws.terminate();
    },
  };
  // Without this listener one oversized frame ends the process.
  ws.on("error", () => {
    counters.protocolErrors += 1;
  });
  ws.on("message", (data, isBinary) => {
    if (ws.readyState !== ws.OPEN) return;
    if (isBinary) self.events.message(messageBytes(data));
    else self.events.text();
  });
  ws.on("ping", (data) => {
    self.events.control();
    if (ws.readyState === ws.OPEN) ws.pong(data);
  });
  ws.on("pong", () => self.events.control());
  ws.on("close", () => self.events.closed());
  request.socket.on("error", () => {});
  return self;
}

/** `ws` sets its limit once; before the login far less than a frame may come. Where its internals have changed the general limit stands. */
function limitMessages(ws: WebSocket, bytes: number): void {
  const receiver = (ws as unknown as { _receiver?: { _maxPayload?: number } })._receiver;
  if (typeof receiver?._maxPayload === "number") receiver._maxPayload = bytes;
}
