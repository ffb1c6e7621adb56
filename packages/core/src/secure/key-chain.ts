import type { Aead } from "../crypto/provider.js";
import { protocol } from "../limits.js";
import { createReplayWindow, type ReplayWindow } from "./replay.js";

const keyBytes = 32;
const noBytes = new Uint8Array(0);
const zeros = new Uint8Array(keyBytes);
/** Noise rev 34, 11.3: REKEY uses nonce 2^64 - 1, in ChaChaPoly's form. */
const rekeyNonce = new Uint8Array([0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);

/** Noise rev 34, 4.2: REKEY(k) = the first 32 bytes of ENCRYPT(k, 2^64 - 1, empty, zeros). */
export function rekey(aead: Aead, key: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(keyBytes + protocol.tagBytes);
  aead.sealInto(sealed, key, rekeyNonce, noBytes, zeros);
  const next = sealed.slice(0, keyBytes);
  sealed.fill(0);
  return next;
}

/** A key of one epoch and what was already seen under it. */
export interface EpochKey {
  readonly epoch: number;
  readonly key: Uint8Array;
  readonly window: ReplayWindow;
}

/** The receiving keys of a session: the current epoch, the previous one for a while, and those ahead, derived without touching the others. */
export interface KeyChain {
  readonly epoch: number;
  /** The key a frame of `epoch` would need, or undefined when that epoch is out of reach. `now` is monotonic ms. */
  at(epoch: number, now: number): EpochKey | undefined;
  /** A frame of this epoch was authentic: it becomes the current one if it is newer. */
  commit(used: EpochKey, now: number): void;
  /** Erases the previous key when its time is over. */
  expire(now: number): void;
  erase(): void;
}

export function createKeyChain(aead: Aead, first: Uint8Array, previousMs: number): KeyChain {
  let current: EpochKey = { epoch: 0, key: first, window: createReplayWindow() };
  let previous: EpochKey | undefined;
  let previousUntil = 0;
  /** `ahead[i]` is the key of epoch current + 1 + i. Kept once derived, so forged epochs cost their derivations only once. */
  let ahead: Uint8Array[] = [];

  const dropPrevious = (): void => {
    previous?.key.fill(0);
    previous = undefined;
  };

  return {
    get epoch() {
      return current.epoch;
    },
    at(epoch, now) {
      if (epoch === current.epoch) return current;
      if (epoch < current.epoch) return previous !== undefined && epoch === previous.epoch && now < previousUntil ? previous : undefined;
      const steps = epoch - current.epoch;
      if (steps > protocol.epochsAhead) return undefined;
      while (ahead.length < steps) ahead.push(rekey(aead, ahead.at(-1) ?? current.key));
      return { epoch, key: ahead[steps - 1] as Uint8Array, window: createReplayWindow() };
    },
    commit(used, now) {
      if (used.epoch <= current.epoch) return;
      const steps = used.epoch - current.epoch;
      const skipped = ahead.slice(0, steps - 1);
      const before = skipped.pop();
      dropPrevious();
      if (before === undefined) previous = current;
      else {
        previous = { epoch: used.epoch - 1, key: before, window: createReplayWindow() };
        current.key.fill(0);
        for (const key of skipped) key.fill(0);
      }
      previousUntil = now + previousMs;
      current = used;
      ahead = ahead.slice(steps);
    },
    expire(now) {
      if (previous !== undefined && now >= previousUntil) dropPrevious();
    },
    erase() {
      dropPrevious();
      current.key.fill(0);
      for (const key of ahead) key.fill(0);
      ahead = [];
    },
  };
}
