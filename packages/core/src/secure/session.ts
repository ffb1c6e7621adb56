import type { Aead } from "../crypto/provider.js";
import { TightbeamError } from "../errors.js";
import { counterOf, dataFault, dataHeader, putCounter } from "../frame/frame.js";
import { limits, protocol } from "../limits.js";
import type { Clock } from "../runtime/runtime.js";
import { createKeyChain, rekey } from "./key-chain.js";
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

const { dataHeaderBytes, tagBytes } = protocol;
const epochSize = 2 ** protocol.epochBits;
const nonceBytes = 12;

/** ChaChaPoly (Noise rev 34, 12.3): 4 zero bytes, then the counter, little-endian. Counters are below 2^48, so the last two bytes stay zero. */
function putNonce(nonce: Uint8Array, counter: number): void {
  const high = Math.floor(counter / 0x1_0000_0000);
  const low = counter >>> 0;
  nonce[4] = low;
  nonce[5] = low >>> 8;
  nonce[6] = low >>> 16;
  nonce[7] = low >>> 24;
  nonce[8] = high;
  nonce[9] = high >>> 8;
}

/** docs/protocol.md, section 5. Everything that changes on receipt changes after the tag was found right. */
export function createSession(options: SessionOptions): Session {
  const { aead, clock, localId } = options;
  const { rekeyAfterMs, rekeyAfterBytes, previousEpochMs, sessionFailuresMax, counterMax } = { ...limits, counterMax: protocol.counterMax, ...options.limits };
  const header = dataHeader(options.remoteId);
  const sealNonce = new Uint8Array(nonceBytes);
  const openNonce = new Uint8Array(nonceBytes);
  const receiving = createKeyChain(aead, options.receiveKey, previousEpochMs);
  const counters: SessionCounters = { sealed: 0, sealedBytes: 0, opened: 0, openedBytes: 0, refused: { malformed: 0, replayed: 0, epoch: 0, auth: 0 } };

  let sendKey = options.sendKey;
  let sendEpoch = 0;
  let epochSince = clock.monotonic();
  let epochBytes = 0;
  let next = 0;
  let lastSealed = -1;
  let lastOpened = -1;
  let ended = false;

  const end = (): void => {
    ended = true;
    sendKey.fill(0);
    receiving.erase();
  };

  /** Moves the counter to the next epoch early, by time or volume, and the key to the counter's epoch. */
  const turnKey = (now: number): void => {
    if (next < (sendEpoch + 1) * epochSize) {
      if (now - epochSince < rekeyAfterMs && epochBytes < rekeyAfterBytes) return;
      next = (sendEpoch + 1) * epochSize;
    }
    if (next >= counterMax) return;
    const key = rekey(aead, sendKey);
    sendKey.fill(0);
    sendKey = key;
    sendEpoch += 1;
    epochSince = now;
    epochBytes = 0;
  };

  return {
    localId,
    suite: options.suite,
    hash: options.hash,
    exporter: options.exporter,
    counters,
    epoch: {
      get send() {
        return sendEpoch;
      },
      get receive() {
        return receiving.epoch;
      },
    },
    get lastSealed() {
      return lastSealed;
    },
    get lastOpened() {
      return lastOpened;
    },
    get ended() {
      return ended;
    },
    end,

    seal(plaintext) {
      const now = clock.monotonic();
      if (!ended) {
        receiving.expire(now);
        turnKey(now);
        if (next >= counterMax) end();
      }
      if (ended) throw new TightbeamError("session_ended", "This session has ended and seals nothing more. The link makes a new one by itself.");
      const counter = next;
      next += 1;
      const frame = new Uint8Array(dataHeaderBytes + plaintext.length + tagBytes);
      frame.set(header);
      putCounter(frame, counter);
      putNonce(sealNonce, counter);
      aead.sealInto(frame.subarray(dataHeaderBytes), sendKey, sealNonce, frame.subarray(0, dataHeaderBytes), plaintext);
      lastSealed = counter;
      epochBytes += plaintext.length;
      counters.sealed += 1;
      counters.sealedBytes += plaintext.length;
      return frame;
    },

    open(frame) {
      if (ended) return undefined;
      const now = clock.monotonic();
      receiving.expire(now);
      const counter = dataFault(frame, localId) === undefined ? counterOf(frame) : -1;
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
      putNonce(openNonce, counter);
      const plaintext = aead.open(used.key, openNonce, frame.subarray(0, dataHeaderBytes), frame.subarray(dataHeaderBytes));
      if (plaintext === undefined) {
        counters.refused.auth += 1;
        if (counters.refused.auth >= sessionFailuresMax) end();
        return undefined;
      }
      used.window.accept(position);
      receiving.commit(used, now);
      lastOpened = counter;
      counters.opened += 1;
      counters.openedBytes += plaintext.length;
      return plaintext;
    },
  };
}
