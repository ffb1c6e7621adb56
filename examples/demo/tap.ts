// A tap on the relay's sockets: every message that reaches them, as it is before the relay reads it.
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { TappedFrame } from "./stage.js";

/** Listens beside the relay and changes nothing. Call it before the relay takes the server. Returns the function that ends it. */
export function tapSockets(server: Server, seen: (message: Uint8Array) => void): () => void {
  const ends: (() => void)[] = [];
  const upgrade = (_request: IncomingMessage, socket: Duplex): void => {
    const read = createMessageReader(seen);
    socket.on("data", read);
    ends.push(() => void socket.off("data", read));
  };
  server.on("upgrade", upgrade);
  return () => {
    server.off("upgrade", upgrade);
    for (const end of ends.splice(0)) end();
  };
}

/**
 * Cuts a client's bytes into WebSocket frames (RFC 6455, 5.2) and takes the masking off: it is no encryption, its key stands beside it,
 * and a text that only masking hid would look safe here.
 */
export function createMessageReader(seen: (message: Uint8Array) => void): (chunk: Buffer) => void {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      if (held.length < 2) return;
      const short = held.readUInt8(1) & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (held.length < start + 4) return;
      const length = short === 126 ? held.readUInt16BE(2) : short === 127 ? Number(held.readBigUInt64BE(2)) : short;
      const end = start + 4 + length;
      if (held.length < end) return;
      const mask = held.subarray(start, start + 4);
      seen(held.subarray(start + 4, end).map((byte, index) => byte ^ (mask[index & 3] as number)));
      held = held.subarray(end);
    }
  };
}

const send = 8;
const headerBytes = 7;

/** Reads a message of the relay protocol: u8 type | u32 request | u16 length, address | frame. Undefined for all but SEND. */
export function readSend(message: Uint8Array): TappedFrame | undefined {
  if (message.length < headerBytes || message[0] !== send) return undefined;
  const start = headerBytes + (((message[5] as number) << 8) | (message[6] as number));
  return { to: Buffer.from(message.subarray(headerBytes, start)).toString("latin1"), frame: message.subarray(start) };
}

/** So many bytes in a row do not meet by chance. */
export const window = 8;

/** Where in `plaintext` the first `window` bytes begin that stand somewhere in `seen`; undefined when none do. */
export function findClear(seen: Buffer, plaintext: Buffer): number | undefined {
  for (let at = 0; at + window <= plaintext.length; at++) if (seen.includes(plaintext.subarray(at, at + window))) return at;
  return undefined;
}
