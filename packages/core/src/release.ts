/**
 * Gives the memory of large arrays back at once. The engine counts what its array buffers hold and, every few megabytes of them, walks the
 * whole heap to find out which are garbage: for a message of 1 MiB that passes through ten buffers on its way, this costs more than its encryption.
 */
type Movable = ArrayBuffer & { transfer?(length: number): ArrayBuffer };
interface Port {
  postMessage(message: undefined, transfer: readonly ArrayBufferLike[]): void;
  close(): void;
}

/** Smaller ones are not worth the call, and may lie in a pool. */
const leastBytes = 4 * 1024;

/** Node's ways to memory that is not cleared first: from a pool where it is small. */
interface Unsafe {
  allocUnsafe(length: number): Uint8Array;
  allocUnsafeSlow(length: number): Uint8Array;
}
const unsafe = (globalThis as { Buffer?: Partial<Unsafe> }).Buffer;

/** An array that may hold what was in this memory before: whoever asks for one writes every byte of it before any is read. */
export function unfilled(length: number): Uint8Array {
  if (length < leastBytes || unsafe?.allocUnsafeSlow === undefined) return new Uint8Array(length);
  const { buffer, byteOffset } = unsafe.allocUnsafeSlow(length);
  return new Uint8Array(buffer, byteOffset, length);
}

/** The same for what is no secret, such as ciphertext: small ones lie side by side in the pool that every `Buffer` comes from, which costs a third. */
export function pooled(length: number): Uint8Array {
  if (length >= leastBytes || unsafe?.allocUnsafe === undefined) return unfilled(length);
  const { buffer, byteOffset } = unsafe.allocUnsafe(length);
  return new Uint8Array(buffer, byteOffset, length);
}

let detach: ((buffer: ArrayBufferLike) => void) | undefined;

/**
 * Call it for an array that this code alone holds, that nothing will read again, and that no pending operation of the runtime uses
 * (a socket's write, for one). It reads as empty afterwards. Does nothing unless the array is all of its buffer, and where the runtime has no way to do it.
 */
export function release(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < leastBytes || byteLength !== buffer.byteLength) return;
  detach ??= findDetach();
  detach(buffer);
}

/** A transport may leave so much in front of a frame that takes its buffer with it: its own header. */
const frameFrontBytes = 512;

/** Whether a received frame takes its whole buffer with it, by T11 of the transport contract: it begins in the first 512 bytes and goes to the end. */
export const takesBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): boolean =>
  byteOffset <= frameFrontBytes && byteOffset + byteLength === buffer.byteLength;

/** `release` for a frame as a transport gave it. */
export function releaseFrame(frame: Uint8Array): void {
  if (takesBuffer(frame)) release(new Uint8Array(frame.buffer));
}

/** The same for whoever it was meant for. */
export function releaseReceived(frame: Uint8Array): void {
  if (frame.byteLength >= largeFrameBytes) rejuvenate(frame.byteLength);
  releaseFrame(frame);
}

/** Many smaller ones bring objects enough of their own. */
const largeFrameBytes = 32 * 1024;
/** 64 KiB on the heap of V8: half of what is still allocated among the young. */
const youngSlots = 8_190;
const youngBytes = 8 * youngSlots;
/** Only V8 counts like that; elsewhere nothing is made. */
const countsTogether = (globalThis as { process?: { versions?: { v8?: string } } }).process?.versions?.v8 !== undefined;
let owed = 0;
/** The last of them, only so that the engine cannot leave the allocation out. */
const young: unknown[] = [undefined];

/**
 * For what cannot be released: what a transport reads into, and what applications are given. V8 frees that with its cheap collection, of young objects, but counts
 * it towards the dear one, of the whole heap. The cheap one comes when its space is full, which large messages alone never make it: so the
 * dear one came every 8 to 24 MB, and took a third of the CPU of a request of 1 MiB. Therefore as many bytes of young objects as came are made and dropped (0.06 ms for 1 MiB).
 */
function rejuvenate(bytes: number): void {
  if (!countsTogether) return;
  for (owed += bytes; owed >= youngBytes; owed -= youngBytes) young[0] = new Array(youngSlots);
}

function findDetach(): (buffer: ArrayBufferLike) => void {
  if ("transfer" in ArrayBuffer.prototype) return (buffer) => void (buffer as Movable).transfer?.(0);
  // Node 20: what is posted to a port whose other end is closed is taken from its sender and freed (0.8 µs, and 2 µs for leaving it to the collector).
  const { MessageChannel, process } = globalThis as { MessageChannel?: new () => { port1: Port; port2: Port }; process?: { getBuiltinModule?: unknown } };
  if (MessageChannel === undefined || process?.getBuiltinModule === undefined) return () => {};
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.close();
  return (buffer) => port1.postMessage(undefined, [buffer]);
}
