import { crypto as bestCrypto, loadCrypto } from "../crypto/index.js";
import type { KeyPair } from "../crypto/provider.js";
import { TightbeamError } from "../errors.js";
import { frameType } from "../frame/frame.js";
import * as frameTypes from "../frame/frame-types.js";
import * as limits from "../limits.js";
import type { Address } from "../transport/address.js";
import { createAnswering } from "./answering.js";
import { createAsks } from "./asks.js";
import type { Context, HandshakeLimits, HandshakesOptions } from "./context.js";
import { createInitiator } from "./initiator.js";
import { hybridSuite, suiteOf } from "./suites.js";
import type { HandshakeCounters, Handshakes } from "./types.js";

export type { HandshakeEvent, HandshakeLimits, HandshakesOptions } from "./context.js";

/** Answers on their way into the transport at once; more are dropped, since whoever is real asks again. */
const quietSendsMax = 256;
const keyBytes = 32;
/** One is free at the first try unless the generator is broken. */
const sessionIdTriesMax = 16;
const defaults: HandshakeLimits = {
  handshakeDeadlineMs: limits.handshakeDeadlineMs,
  handshakesPending: limits.handshakesPending,
  handshakesPendingPerSource: limits.handshakesPendingPerSource,
  handshakeHeldFrames: limits.handshakeHeldFrames,
  handshakeHeldBytes: limits.handshakeHeldBytes,
  handshakeHeldMs: limits.handshakeHeldMs,
  hs2CacheMs: limits.hs2CacheMs,
  noiseKeyMs: 24 * 3_600_000,
};

/**
 * Both roles of docs/protocol.md, section 4, over one instance's addresses.
 * Throws `invalid_argument` when the suites are empty or unknown. See `HandshakesOptions` for the rest.
 */
export function createHandshakes(options: HandshakesOptions): Handshakes {
  const suites = options.suites ?? [hybridSuite];
  if (suites.length === 0 || new Set(suites).size !== suites.length || suites.some((id) => suiteOf(id) === undefined)) {
    throw new TightbeamError("invalid_argument", "suites names 0x0101 (hybrid), 0x0001 (classical), or both once.");
  }
  const { runtime } = options;
  const { clock, random } = runtime;
  const crypto = options.crypto ?? bestCrypto();
  const local: HandshakeLimits = { ...defaults, ...options.localLimits };
  const counters: HandshakeCounters = { started: 0, established: 0, failed: 0, retrySent: 0, refused: Object.create(null) as Record<string, number> };
  let noiseKey: { readonly pair: KeyPair; readonly since: number } | undefined;
  let quietSends = 0;

  const refuse = (reason: string, peer?: string): void => {
    counters.refused[reason] = (counters.refused[reason] ?? 0) + 1;
    options.onRefused?.(reason, peer);
  };

  const context: Context = {
    runtime,
    crypto,
    identity: options.identity,
    trust: options.trust,
    instance: options.instance,
    suites,
    announced: options.limits,
    addresses: options.addresses,
    link: options.link,
    limits: local,
    counters,
    refuse,
    emit(event) {
      try {
        options.onEvent?.(event);
      } catch {
        // A listener's fault is not the handshake's.
      }
    },
    async staticKey() {
      if (options.crypto === undefined) await loadCrypto("x25519");
      const now = clock.monotonic();
      if (noiseKey === undefined || now - noiseKey.since >= local.noiseKeyMs) noiseKey = { pair: crypto.x25519.keyPair(random.bytes(keyBytes)), since: now };
      return noiseKey.pair;
    },
    newSessionId() {
      for (let tries = 0; tries < sessionIdTriesMax; tries++) {
        const bytes = random.bytes(7);
        let id = (bytes[0] as number) & 0x1f;
        for (let i = 1; i < bytes.length; i++) id = id * 256 + (bytes[i] as number);
        if (id !== 0 && !initiator.has(id) && !responder.has(id) && !asks.has(id) && options.isSessionIdTaken?.(id) !== true) return id;
      }
      throw new TightbeamError("internal", "the random generator gives no usable session id: no handshake can be made");
    },
    send: (to, frame) => options.send(to, frame),
    sendQuietly(to, frame) {
      if (quietSends >= quietSendsMax) return refuse("send_queue");
      quietSends += 1;
      const done = (): void => {
        quietSends -= 1;
      };
      options.send(to, frame).then(done, () => {
        done();
        refuse("send_failed");
      });
    },
    deliver(frame) {
      if (options.deliver === undefined) refuse("early_data");
      else options.deliver(frame);
    },
  };
  const initiator = createInitiator(context);
  const responder = createAnswering(context);
  const asks = createAsks(context);

  const dispatch = (at: Address, frame: Uint8Array): boolean => {
    const type = frameType(frame);
    if (type === frameTypes.hs1) {
      initiator.reflected(at, frame);
      responder.receiveHs1(at, frame);
      return true;
    }
    if (at !== options.addresses.inbox) {
      refuse("wrong_address");
      return false;
    }
    if (type === frameTypes.hs2) return initiator.receive(frame);
    if (type === frameTypes.retry) return asks.receive(frame) || initiator.receive(frame);
    if (type === frameTypes.hs3) return responder.receiveHs3(frame);
    if (type === frameTypes.data) {
      if (initiator.receive(frame) || responder.receiveData(frame)) return true;
      // Above all what an instance says that was given up: late answers to calls that were settled without it.
      refuse("no_session");
      return false;
    }
    refuse("type");
    return false;
  };

  return {
    counters,
    dial: initiator.dial,
    ask: asks.ask,
    receive(at, frame) {
      try {
        return dispatch(at, frame);
      } catch {
        // Whatever a frame can make fail here (the random generator, above all) ends with that frame.
        refuse("internal");
        return true;
      }
    },
    close() {
      initiator.close();
      responder.close();
      asks.close();
    },
  };
}
