import type { Aead } from "../crypto/provider.js";
import { TightbeamError } from "../errors.js";
import { counterOf, dataFault, dataHeader, putCounter } from "../frame/frame.js";
import * as limits from "../limits.js";
import { counterMax, dataHeaderBytes, epochBits, tagBytes } from "../protocol.js";
import { pooled } from "../release.js";
import type { Clock } from "../runtime/runtime.js";
import { createKeyChain, type KeyChain, rekey } from "./key-chain.js";
import type { Session, SessionCounters, SuiteId } from "./types.js";

export interface SessionOptions {
  readonly suite: SuiteId;
  readonly localId: number;
  /** The peer's session id, 8 bytes. */
  readonly remoteId: Uint8Array;
  /** 32 bytes each. The session owns them from now on and erases them at its end. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly hash: Uint8Array;
  readonly exporter: Uint8Array;
  readonly aead: Aead;
  readonly clock: Clock;
  readonly limits?: Partial<SessionLimits>;
}

/** Defaults: limits.ts. */
export interface SessionLimits {
  readonly rekeyAfterMs: number;
  readonly rekeyAfterBytes: number;
  readonly previousEpochMs: number;
  readonly sessionFailuresMax: number;
  /** The counter's hard stop; never above the protocol's 2^48. */
  readonly counterMax: number;
}

const epochSize = 2 ** epochBits;
/** One for all sessions: written just before each call of the AEAD, which keeps nothing of it. */
const nonce = new Uint8Array(12);

/** ChaChaPoly (Noise rev 34, 12.3): 4 zero bytes, then the counter, little-endian. Counters are below 2^48, so the last two bytes stay zero. */
function putNonce(counter: number): void {
  const high = Math.floor(counter / 0x1_0000_0000);
  const low = counter >>> 0;
  nonce[4] = low;
  nonce[5] = low >>> 8;
  nonce[6] = low >>> 16;
  nonce[7] = low >>> 24;
  nonce[8] = high;
  nonce[9] = high >>> 8;
}

/** Into a frame's header, and into the nonce. */
function number(header: Uint8Array, counter: number): void {
  putCounter(header, counter);
  putNonce(counter);
}

/** docs/protocol.md, section 5. Everything that changes on receipt changes after the tag was found right. A class, because there may be 10,000 of them. */
class DataSession implements Session {
  readonly localId: number;
  readonly suite: SuiteId;
  readonly hash: Uint8Array;
  readonly exporter: Uint8Array;
  readonly counters: SessionCounters = { sealed: 0, sealedBytes: 0, opened: 0, openedBytes: 0, refused: { malformed: 0, replayed: 0, epoch: 0, auth: 0 } };
  lastSealed = -1;
  lastOpened = -1;
  ended = false;

  readonly #aead: Aead;
  readonly #clock: Clock;
  /** All but the counter. */
  readonly #header: Uint8Array;
  /** The same of what comes, and the key of what came last. */
  #peerHeader: Uint8Array | undefined;
  #peerKey: Uint8Array;
  readonly #rekeyAfterMs: number;
  readonly #rekeyAfterBytes: number;
  readonly #failuresMax: number;
  readonly #counterMax: number;
  readonly #receiving: KeyChain;
  #sendKey: Uint8Array;
  #sendEpoch = 0;
  #epochSince: number;
  #epochBytes = 0;
  #next = 0;

  constructor(options: SessionOptions) {
    const own = options.limits;
    this.localId = options.localId;
    this.suite = options.suite;
    this.hash = options.hash;
    this.exporter = options.exporter;
    this.#aead = options.aead;
    this.#clock = options.clock;
    this.#header = dataHeader(options.remoteId);
    this.#rekeyAfterMs = own?.rekeyAfterMs ?? limits.rekeyAfterMs;
    this.#rekeyAfterBytes = own?.rekeyAfterBytes ?? limits.rekeyAfterBytes;
    this.#failuresMax = own?.sessionFailuresMax ?? limits.sessionFailuresMax;
    this.#counterMax = own?.counterMax ?? counterMax;
    this.#receiving = createKeyChain(options.aead, options.receiveKey, own?.previousEpochMs ?? limits.previousEpochMs);
    this.#sendKey = options.sendKey;
    this.#peerKey = options.receiveKey;
    this.#epochSince = options.clock.monotonic();
  }

  get epoch(): Session["epoch"] {
    return { send: this.#sendEpoch, receive: this.#receiving.epoch };
  }

  end(): void {
    this.ended = true;
    this.#sendKey.fill(0);
    this.#receiving.erase();
  }

  prepare(): void {
    const aead = this.#aead;
    if (this.ended) return;
    number(this.#header, this.#next);
    aead.expect?.(true, this.#sendKey, nonce, this.#header);
    if (this.#peerHeader === undefined) return;
    number(this.#peerHeader, this.lastOpened + 1);
    aead.expect?.(false, this.#peerKey, nonce, this.#peerHeader);
  }

  seal(plaintext: Uint8Array, front = 0): Uint8Array {
    if (!this.ended) {
      const now = this.#clock.monotonic();
      this.#receiving.expire(now);
      this.#turnKey(now);
      if (this.#next >= this.#counterMax) this.end();
    }
    if (this.ended) throw new TightbeamError("session_ended", "This session has ended. The link makes a new one by itself.");
    const { counters } = this;
    const counter = this.#next;
    this.#next += 1;
    const buffer = pooled(front + dataHeaderBytes + plaintext.length + tagBytes);
    const frame = front === 0 ? buffer : buffer.subarray(front);
    frame.set(this.#header);
    number(frame, counter);
    this.#aead.sealInto(frame.subarray(dataHeaderBytes), this.#sendKey, nonce, frame.subarray(0, dataHeaderBytes), plaintext);
    this.lastSealed = counter;
    this.#epochBytes += plaintext.length;
    counters.sealed += 1;
    counters.sealedBytes += plaintext.length;
    return frame;
  }

  open(frame: Uint8Array): Uint8Array | undefined {
    if (this.ended) return undefined;
    const { counters } = this;
    const now = this.#clock.monotonic();
    const receiving = this.#receiving;
    receiving.expire(now);
    const counter = dataFault(frame, this.localId) === undefined ? counterOf(frame) : -1;
    if (counter < 0) {
      counters.refused.malformed += 1;
      return undefined;
    }
    const used = receiving.at(Math.floor(counter / epochSize), now);
    if (used === undefined) {
      counters.refused.epoch += 1;
      return undefined;
    }
    const position = counter % epochSize;
    if (!used.window.fresh(position)) {
      counters.refused.replayed += 1;
      return undefined;
    }
    putNonce(counter);
    const plaintext = this.#aead.open(used.key, nonce, frame.subarray(0, dataHeaderBytes), frame.subarray(dataHeaderBytes));
    if (plaintext === undefined) {
      counters.refused.auth += 1;
      if (counters.refused.auth >= this.#failuresMax) this.end();
      return undefined;
    }
    used.window.accept(position);
    this.#peerHeader ??= frame.slice(0, dataHeaderBytes);
    this.#peerKey = used.key;
    receiving.commit(used, now);
    this.lastOpened = counter;
    counters.opened += 1;
    counters.openedBytes += plaintext.length;
    return plaintext;
  }

  /** Moves the counter to the next epoch early, by time or volume, and the key to the counter's epoch. */
  #turnKey(now: number): void {
    if (this.#next < (this.#sendEpoch + 1) * epochSize) {
      if (now - this.#epochSince < this.#rekeyAfterMs && this.#epochBytes < this.#rekeyAfterBytes) return;
      this.#next = (this.#sendEpoch + 1) * epochSize;
    }
    if (this.#next >= this.#counterMax) return;
    const key = rekey(this.#aead, this.#sendKey);
    this.#sendKey.fill(0);
    this.#sendKey = key;
    this.#sendEpoch += 1;
    this.#epochSince = now;
    this.#epochBytes = 0;
  }
}

export const createSession = (options: SessionOptions): Session => new DataSession(options);
