/** The most of one message, or of an HTTP head, that is held. */
const heldMaxBytes = 16 * 1024 * 1024;
/** What a part costs beside its bytes: it may have none. */
const partCost = 128;

export interface WebSocketReader {
  /** The next bytes of one direction of a TCP connection. */
  push(chunk: Buffer): void;
}

export interface Heard {
  /** The first line of the HTTP head: `GET / HTTP/1.1`, `HTTP/1.1 101 Switching Protocols`. */
  head(line: string): void;
  binary(message: Buffer): void;
  /** The code of a close frame and its reason. */
  closed(code: number, reason: string): void;
  /** What follows cannot be read: it is no WebSocket, or too large. It is told once. */
  lost(why: string): void;
}

/** Reads WebSocket messages (RFC 6455) out of one direction of a connection that others have: it answers nothing and changes nothing. */
export function createWebSocketReader(heard: Heard): WebSocketReader {
  let held: Buffer = Buffer.alloc(0);
  let upgraded = false;
  let blind = false;
  let parts: Buffer[] = [];
  let partsBytes = 0;

  const give = (why: string): void => {
    blind = true;
    held = Buffer.alloc(0);
    parts = [];
    heard.lost(why);
  };

  /** Takes one thing off the front; false when it is not whole yet. */
  function next(): boolean {
    if (!upgraded) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return false;
      heard.head(held.toString("latin1", 0, held.indexOf("\r\n")));
      held = held.subarray(end + 4);
      upgraded = true;
      return true;
    }
    if (held.length < 2) return false;
    const [first = 0, second = 0] = held;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const masked = (second & 0x80) !== 0;
    const at = 2 + lengthBytes + (masked ? 4 : 0);
    if (held.length < at) return false;
    const length = short === 126 ? held.readUInt16BE(2) : short === 127 ? Number(held.readBigUInt64BE(2)) : short;
    if (length > heldMaxBytes) {
      give(`a message of ${length} bytes`);
      return false;
    }
    if (held.length < at + length) return false;
    const payload = Buffer.from(held.subarray(at, at + length));
    if (masked) for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (held[at - 4 + (i & 3)] as number);
    held = held.subarray(at + length);
    take(first & 0x0f, (first & 0x80) !== 0, payload);
    return !blind;
  }

  function take(opcode: number, last: boolean, payload: Buffer): void {
    if (opcode === 8) return heard.closed(payload.length >= 2 ? payload.readUInt16BE(0) : 1005, payload.toString("utf8", 2));
    // Pings and pongs of the WebSocket itself.
    if (opcode > 8) return;
    parts.push(payload);
    partsBytes += payload.length + partCost;
    if (partsBytes > heldMaxBytes) return give("a message in too many parts");
    if (!last) return;
    const message = parts.length === 1 ? payload : Buffer.concat(parts);
    parts = [];
    partsBytes = 0;
    heard.binary(message);
  }

  return {
    push(chunk) {
      if (blind) return;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (held.length > 2 * heldMaxBytes) return give("more than can be held");
      while (next()) if (held.length === 0) return;
    },
  };
}
