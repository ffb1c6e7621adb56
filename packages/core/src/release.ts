import { findDetach, leastBytes, rejuvenate } from "./engine.js";

export { pooled, unfilled } from "./engine.js";

/*
 * Gives the memory of large arrays back at once. The engine counts what its array buffers hold and, every few megabytes of them, walks the
 * whole heap to find out which are garbage: for a message of 1 MiB that passes through ten buffers on its way, this costs more than its encryption.
 */

let detach: ((buffer: ArrayBufferLike) => void) | undefined;

/**
 * Call it for an array that this code alone holds, that nothing will read again, and that no pending operation of the runtime uses
 * (a socket's write, for one). It reads as empty afterwards. Does nothing unless the array is all of its buffer, and where the runtime has no way to do it.
 */
export function release(bytes: Uint8Array): void {
  const { byteLength } = bytes;
  if (byteLength < leastBytes) return;
  // Asked for only now: a few bytes lie among V8's objects, and get a buffer with memory of its own when they are asked for one.
  const { buffer } = bytes;
  if (byteLength !== buffer.byteLength) return;
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
  countGarbage(frame.byteLength);
  releaseFrame(frame);
}

/** For a transport: the library below it made buffers of so many bytes for a large frame, which nobody can free. They count towards the engine's cheap collections. */
export function countGarbage(bytes: number): void {
  if (bytes >= largeFrameBytes) rejuvenate(bytes);
}

/** Many smaller ones bring objects enough of their own. */
const largeFrameBytes = 32 * 1024;
