import type { Aead } from "../crypto/provider.js";
import * as protocol from "../protocol.js";
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

class Chain implements KeyChain {
  readonly #aead: Aead;
  readonly #previousMs: number;
  #current: EpochKey;
  #previous: EpochKey | undefined;
  #previousUntil = 0;
  /** `#ahead[i]` is the key of epoch current + 1 + i. Kept once derived, so forged epochs cost their derivations only once. */
  #ahead: Uint8Array[] = [];

  constructor(aead: Aead, first: Uint8Array, previousMs: number) {
    this.#aead = aead;
    this.#previousMs = previousMs;
    this.#current = { epoch: 0, key: first, window: createReplayWindow() };
  }

  get epoch(): number {
    return this.#current.epoch;
  }

  at(epoch: number, now: number): EpochKey | undefined {
    const current = this.#current;
    if (epoch === current.epoch) return current;
    if (epoch < current.epoch) {
      const previous = this.#previous;
      return previous !== undefined && epoch === previous.epoch && now < this.#previousUntil ? previous : undefined;
    }
    const steps = epoch - current.epoch;
    if (steps > protocol.epochsAhead) return undefined;
    const ahead = this.#ahead;
    while (ahead.length < steps) ahead.push(rekey(this.#aead, ahead.at(-1) ?? current.key));
    return { epoch, key: ahead[steps - 1] as Uint8Array, window: createReplayWindow() };
  }

  commit(used: EpochKey, now: number): void {
    const current = this.#current;
    if (used.epoch <= current.epoch) return;
    const steps = used.epoch - current.epoch;
    const skipped = this.#ahead.slice(0, steps - 1);
    const before = skipped.pop();
    this.#dropPrevious();
    if (before === undefined) this.#previous = current;
    else {
      this.#previous = { epoch: used.epoch - 1, key: before, window: createReplayWindow() };
      current.key.fill(0);
      for (const key of skipped) key.fill(0);
    }
    this.#previousUntil = now + this.#previousMs;
    this.#current = used;
    this.#ahead = this.#ahead.slice(steps);
  }

  expire(now: number): void {
    if (this.#previous !== undefined && now >= this.#previousUntil) this.#dropPrevious();
  }

  erase(): void {
    this.#dropPrevious();
    this.#current.key.fill(0);
    for (const key of this.#ahead) key.fill(0);
    this.#ahead = [];
  }

  #dropPrevious(): void {
    this.#previous?.key.fill(0);
    this.#previous = undefined;
  }
}

export const createKeyChain = (aead: Aead, first: Uint8Array, previousMs: number): KeyChain => new Chain(aead, first, previousMs);
