import type { Socket } from "node:net";
import { release, releaseFrame } from "@tightbeam/core/transport";
import type { RawData, WebSocket } from "ws";
import * as library from "ws";

/** From here on a copy costs more than a second chunk in the same system call. */
export const copiedBelowBytes = 4 * 1024;

const binary = 2;

/** `ws` exports its Sender and documents `frame` as public; its types do not know it. Masks `data` in place (with bufferutil where that is installed). */
type Frame = (data: Uint8Array, options: { fin: true; rsv1: false; opcode: number; mask: true; readOnly: false }) => Uint8Array[];
const frame: Frame | undefined = (library as unknown as { Sender?: { frame?: Frame } }).Sender?.frame;

/** The TCP or TLS socket under a `ws`, which its API does not name. Everything that uses it works without, slower. */
export const socketOf = (ws: WebSocket): Socket | undefined => {
  const socket = (ws as unknown as { _socket?: Partial<Socket> | null })._socket;
  return typeof socket?.cork === "function" && typeof socket.uncork === "function" && typeof socket.on === "function" ? (socket as Socket) : undefined;
};

/** Writes binary messages. What is written in one turn leaves in one system call. */
export interface Writer {
  /** Takes ownership of the message. `alone`: nothing else lies in its buffer. */
  write(message: Uint8Array, alone?: boolean): void;
  /**
   * One message of two parts, neither changed. A small body is copied. Else takes ownership of both, and of what a frame takes with it; with
   * `written` of neither, and says when it is done with the body. For the server's side of a connection.
   */
  writeParts(head: Uint8Array, body: Uint8Array, written?: () => void): void;
}

/** With no extension negotiated `ws` writes each frame in one go, so frames written beside it to the same socket never get in between. */
export function createWriter(ws: WebSocket, side: "client" | "server"): Writer {
  const socket = socketOf(ws);
  const corked = corkPerTurn(socket);
  const isOpen = () => ws.readyState === ws.OPEN;
  const sendWhole = (message: Uint8Array) => {
    corked();
    if (message.length < copiedBelowBytes) ws.send(message);
    else ws.send(message, () => release(message));
  };
  if (socket === undefined) {
    return {
      write: (message) => isOpen() && sendWhole(message),
      writeParts: (head, body) => isOpen() && sendWhole(Buffer.concat([head, body])),
    };
  }
  return {
    write(message, alone = false) {
      if (!isOpen()) return;
      if (side === "server" || message.length < copiedBelowBytes || frame === undefined) return sendWhole(message);
      corked();
      const [head, masked] = frame(message, { fin: true, rsv1: false, opcode: binary, mask: true, readOnly: false });
      socket.write(head as Uint8Array);
      socket.write(masked as Uint8Array, () => (alone ? releaseFrame : release)(message));
    },
    writeParts(head, body, written) {
      if (!isOpen()) return;
      if (side === "client") return sendWhole(Buffer.concat([head, body]));
      corked();
      const small = body.length < copiedBelowBytes;
      const front = unmaskedFront(head, body.length, small ? body.length : 0);
      if (small) front.set(body, front.length - body.length);
      socket.write(front);
      if (!small) socket.write(body, written ?? (() => releaseFrame(body)));
    },
  };
}

/** RFC 6455, 5.2: FIN and opcode, no mask, 7, 16 or 64 bits of length; then the head of the message, and `room` for as much of its body. */
export function unmaskedFront(head: Uint8Array, bodyLength: number, room = 0): Buffer {
  const length = head.length + bodyLength;
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const front = Buffer.allocUnsafe(start + head.length + room);
  front[0] = 0x80 | binary;
  if (start === 2) front[1] = length;
  else if (start === 4) {
    front[1] = 126;
    front.writeUInt16BE(length, 2);
  } else {
    front[1] = 127;
    front.writeUIntBE(0, 2, 2);
    front.writeUIntBE(length, 4, 6);
  }
  front.set(head, start);
  return front;
}

/**
 * Call before each write: everything written until this tick ends leaves in one system call. It multiplies small messages by three or more
 * (bench/RESULTS.md) and delays a single one by nothing measurable.
 */
function corkPerTurn(socket: Socket | undefined): () => void {
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
