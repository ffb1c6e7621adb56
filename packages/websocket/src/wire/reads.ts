import { connect, type Socket, type TcpNetConnectOpts } from "node:net";

/*
 * How a client reads its plain socket. Node would make a buffer of 64 KiB for each read, of which `ws` joins two or three to a large message, and the collector
 * would have all of them to free: what is read this way is a third of what such a message costs its receiver. Here all reads go into one buffer, and `ws` gets
 * copies of what came: a large frame's payload in a buffer of its own and at once, which `ws` hands on as it is. What `ws` is given are the same bytes in
 * other pieces: where frames begin is only guessed here, and `ws` alone says what they mean and what is wrong with them.
 */

/** For all sockets: what was read is copied before another one is. */
let shared: Buffer | undefined;
const sharedBytes = 64 * 1024;

/** A payload from here on is collected whole: smaller ones are copied with what came beside them. */
const collectedLeastBytes = 16 * 1024;
/** One a socket is held while it comes. Larger ones are left to `ws`. */
const collectedMostBytes = 256 * 1024;

const switched = "HTTP/1.1 101";
const headEnd = "\r\n\r\n";
/** Of a frame of a server, which masks nothing: 2 bytes, and 2 or 8 of length. */
const frameHeadMost = 14;

/** Takes bytes as they come, whatever their pieces, and gives them on in better ones. */
export interface FrameCollector {
  /** `bytes` are not used after the call. */
  take(bytes: Buffer): void;
}

export function createFrameCollector(push: (piece: Buffer) => void): FrameCollector {
  /** The answer to the request for an upgrade comes first. */
  let answered = false;
  let line = "";
  let ending = 0;
  /** The beginning of a frame that did not come far enough to say its length. */
  let head: Buffer | undefined;
  /** Of a payload that is not collected. */
  let passing = 0;
  let payload: Buffer | undefined;
  let collected = 0;

  /** Returns where the answer ends, or the end of the bytes. */
  const readAnswer = (bytes: Buffer): number => {
    for (let at = 0; at < bytes.length; at++) {
      const character = String.fromCharCode(bytes[at] as number);
      if (line.length < switched.length) line += character;
      ending = character === headEnd[ending] ? ending + 1 : character === headEnd[0] ? 1 : 0;
      if (ending < headEnd.length) continue;
      answered = line === switched;
      line = "";
      ending = 0;
      if (answered) return at + 1;
    }
    return bytes.length;
  };
  const collect = (bytes: Buffer, at: number): number => {
    const target = payload as Buffer;
    const end = Math.min(bytes.length, at + target.length - collected);
    target.set(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end), collected);
    collected += end - at;
    if (collected < target.length) return end;
    payload = undefined;
    collected = 0;
    push(target);
    return end;
  };

  return {
    take(came) {
      let bytes = came;
      if (head !== undefined) {
        bytes = Buffer.concat([head, came]);
        head = undefined;
      }
      let at = payload === undefined ? 0 : collect(bytes, 0);
      /** What was not given on begins here. */
      let from = at;
      if (!answered) at = readAnswer(bytes);
      while (at < bytes.length) {
        if (passing > 0) {
          const passed = Math.min(passing, bytes.length - at);
          passing -= passed;
          at += passed;
          continue;
        }
        const start = headLength(bytes, at);
        if (at + start > bytes.length) {
          if (at > from) push(Buffer.from(bytes.subarray(from, at)));
          head = Buffer.from(bytes.subarray(at));
          return;
        }
        const length = payloadLength(bytes, at);
        at += start;
        if (length < collectedLeastBytes || length > collectedMostBytes) {
          passing = length;
          continue;
        }
        push(Buffer.from(bytes.subarray(from, at)));
        payload = Buffer.allocUnsafeSlow(length);
        at = collect(bytes, at);
        from = at;
      }
      if (at > from) push(Buffer.from(from === 0 && at === bytes.length ? bytes : bytes.subarray(from, at)));
    },
  };
}

/** RFC 6455, 5.2. More than there is when it cannot be known yet. */
function headLength(bytes: Buffer, at: number): number {
  const second = bytes[at + 1];
  if (second === undefined) return frameHeadMost;
  const length = second & 0x7f;
  return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (second >= 0x80 ? 4 : 0);
}

function payloadLength(bytes: Buffer, at: number): number {
  const length = (bytes[at + 1] as number) & 0x7f;
  if (length < 126) return length;
  return length === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}

/** `net.connect` for a `ws`, which reads like that. */
export function connectCollected(options: TcpNetConnectOpts): Socket {
  shared ??= Buffer.allocUnsafeSlow(sharedBytes);
  let open = true;
  const collector = createFrameCollector((piece) => {
    if (!socket.destroyed) open = socket.push(piece) && open;
  });
  // `ws` and http know the path of the URL by this name; to net it is a socket in the file system.
  const where = { ...options, path: undefined };
  const socket = connect({
    ...where,
    onread: {
      buffer: shared,
      callback(length, buffer) {
        open = true;
        collector.take(buffer.subarray(0, length) as Buffer);
        return open;
      },
    },
  });
  return socket;
}
