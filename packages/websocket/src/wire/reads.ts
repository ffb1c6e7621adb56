import { release } from "@tightbeam/core/transport";
import type { WebSocket } from "ws";
import { socketOf } from "./ws.js";

/** Where `ws` keeps what it has read and not yet made messages of. */
interface Receiver {
  readonly _buffers: readonly Uint8Array[];
  readonly writableLength: number;
}

function receiverOf(ws: WebSocket): Receiver | undefined {
  const receiver = (ws as unknown as { _receiver?: Partial<Receiver> | null })._receiver;
  return Array.isArray(receiver?._buffers) && typeof receiver.writableLength === "number" ? (receiver as Receiver) : undefined;
}

/** Shorter reads hold messages that are views of them. */
const leastBytes = 16 * 1024;

/**
 * Frees what was read from the socket once `ws` has copied all of it into messages, as it does with those that span several reads. Returns what must
 * be told of each message before anyone uses it: a read of which a view went out is left to the collector. Where the internals of `ws` have changed, all are.
 */
export function freeReads(ws: WebSocket): (message: Uint8Array) => void {
  /** Views of these went out. */
  const lent = new WeakSet<ArrayBufferLike>();
  let latest: ArrayBufferLike | undefined;
  /** `ws` may not be through with these: the last read mostly ends within a frame. */
  let open: Uint8Array[] = [];
  const lend = ({ buffer, byteLength }: Uint8Array): void => {
    if (buffer === latest || byteLength === buffer.byteLength) return;
    latest = buffer;
    lent.add(buffer);
  };
  ws.on("ping", lend);
  ws.on("pong", lend);
  // After the listener of `ws`, which takes the read in at once.
  socketOf(ws)?.on("data", (read: Uint8Array) => {
    if (open.length === 0 && read.length < leastBytes) return;
    const receiver = receiverOf(ws);
    if (receiver === undefined || receiver.writableLength > 0 || ws.readyState !== ws.OPEN) {
      open = [];
      return;
    }
    open.push(read);
    open = open.filter((one) => {
      if (lent.has(one.buffer)) return false;
      if (receiver._buffers.some(({ buffer }) => buffer === one.buffer)) return true;
      release(one);
      return false;
    });
  });
  return lend;
}
