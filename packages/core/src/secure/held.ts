import type { HandshakeLimits } from "./context.js";

/** Frames that came before their session could open them: few, small and not for long. */
export interface HeldFrames {
  /** False when there is no room. */
  hold(frame: Uint8Array, now: number): boolean;
  /** What is still young enough, in order; afterwards nothing is held. */
  take(now: number): readonly Uint8Array[];
}

export function createHeldFrames(limits: Pick<HandshakeLimits, "handshakeHeldFrames" | "handshakeHeldBytes" | "handshakeHeldMs">): HeldFrames {
  let frames: { readonly frame: Uint8Array; readonly at: number }[] = [];
  let bytes = 0;
  return {
    hold(frame, now) {
      if (frames.length >= limits.handshakeHeldFrames || bytes + frame.length > limits.handshakeHeldBytes) return false;
      frames.push({ frame, at: now });
      bytes += frame.length;
      return true;
    },
    take(now) {
      const young = frames.filter(({ at }) => now - at <= limits.handshakeHeldMs).map(({ frame }) => frame);
      frames = [];
      bytes = 0;
      return young;
    },
  };
}
