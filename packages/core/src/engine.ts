/*
 * What depends on the engine and may be Node's. Bundlers for browsers, where nothing but `ArrayBuffer.transfer` is left of it, take
 * engine-browser.ts instead (`browser` in package.json). This one works everywhere, so nothing but size hangs on the choice.
 */
type Movable = ArrayBuffer & { transfer?(length: number): ArrayBuffer };
interface Port {
  postMessage(message: undefined, transfer: readonly ArrayBufferLike[]): void;
  close(): void;
}

/** Smaller ones are not worth a call, and may lie in a pool. */
export const leastBytes = 4 * 1024;

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
export function rejuvenate(bytes: number): void {
  if (!countsTogether) return;
  for (owed += bytes; owed >= youngBytes; owed -= youngBytes) young[0] = new Array(youngSlots);
}

/** Looks for the way to take the memory of a buffer at once; does nothing where there is none. */
export function findDetach(): (buffer: ArrayBufferLike) => void {
  if ("transfer" in ArrayBuffer.prototype) return (buffer) => void (buffer as Movable).transfer?.(0);
  // Node 20: what is posted to a port whose other end is closed is taken from its sender and freed (0.8 µs, and 2 µs for leaving it to the collector).
  const { MessageChannel, process } = globalThis as { MessageChannel?: new () => { port1: Port; port2: Port }; process?: { getBuiltinModule?: unknown } };
  if (MessageChannel === undefined || process?.getBuiltinModule === undefined) return () => {};
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.close();
  return (buffer) => port1.postMessage(undefined, [buffer]);
}
