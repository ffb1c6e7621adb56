import { equalBytes, toBase64url } from "../bytes.js";
import { isTightbeamError, TightbeamError } from "../errors.js";
import { buildHs2, buildRetry, type Hs1, parseHs1, parseHs3, sessionIdOf, sessionIdToBytes } from "../frame/frame.js";
import type { Handshake } from "../noise/types.js";
import { type Address, parseInbox } from "../transport/address.js";
import { createAdmission } from "./admission.js";
import { verifyPeer, writePayload } from "./authenticate.js";
import { sessionOf, startNoise } from "./channel.js";
import { asTightbeamError, type Context } from "./context.js";
import { createCookies } from "./cookie.js";
import { createExpiringMap } from "./expiring.js";
import { createHeldFrames } from "./held.js";
import { decodePayload } from "./payload.js";
import type { Answer, Finished, Pending } from "./pending.js";
import { buildReady } from "./ready.js";
import { chooseSuite, suiteOf } from "./suites.js";
import { prologue, retryBinding } from "./transcript.js";
import type { SuiteId } from "./types.js";

/** Answers HS1 and HS3. Silent towards the network about everything it refuses. */
export interface Responder {
  receiveHs1(at: Address, frame: Uint8Array): void;
  /** False when no handshake here has this id. */
  receiveHs3(frame: Uint8Array): boolean;
  receiveData(frame: Uint8Array): boolean;
  has(id: number): boolean;
  readonly pending: number;
  close(): void;
}

/** How often a repeated frame is answered: the honest side repeats 4 times, and the medium may double each. */
const answersMax = 16;
const noBytes = new Uint8Array(0);

export function createResponder(context: Context): Responder {
  const { runtime, crypto, limits, counters, refuse } = context;
  const { clock, timers } = runtime;
  const cookies = createCookies(runtime, crypto.sha256);
  const admission = createAdmission(limits);
  const byId = new Map<number, Pending>();
  const byHash = new Map<string, Pending>();
  const answered = createExpiringMap<string, Answer>(timers, limits.handshakesPending, limits.hs2CacheMs);
  const finished = createExpiringMap<number, Finished>(timers, limits.handshakesPending, limits.hs2CacheMs);
  let closed = false;

  const failed = (pending: Pending, error: unknown): void => {
    if (!byId.has(pending.localId)) return;
    pending.leave();
    counters.failed += 1;
    const typed = asTightbeamError(error, "Answering a handshake failed. See the cause.");
    const peer = parseInbox(pending.replyTo)?.agentId ?? "";
    refuse(typed.code, peer);
    context.emit({ type: "failed", role: "responder", peer, error: typed });
  };

  const sendRetry = (hs1: Hs1, hash: Uint8Array, suite: SuiteId): void => {
    counters.retrySent += 1;
    context.sendQuietly(
      hs1.replyTo as Address,
      buildRetry({ suite, to: hs1.sessionId, replyTo: context.addresses.inbox, cookie: cookies.make(hash, hs1.replyTo) }),
    );
  };

  const answer = async (at: Address, pending: Pending, retry: Uint8Array, key: string): Promise<void> => {
    const { hs1, suite, localId, replyTo } = pending;
    const handshake = await startNoise(context, suite, "responder", prologue(at, retry, hs1.head));
    let h: Uint8Array;
    try {
      handshake.readMessage(hs1.message);
      h = handshake.beginWrite();
    } catch (error) {
      handshake.erase();
      if (isTightbeamError(error) && error.code === "internal") throw error;
      // Keys that no honest side makes: a stranger's doing, and no event.
      refuse("hs1_key");
      return pending.leave();
    }
    const sessionId = sessionIdToBytes(localId);
    const payload = await writePayload(context, "responder", h, { sessionId, suites: context.suites }).catch((error: unknown) => {
      handshake.erase();
      throw error;
    });
    const frame = buildHs2({ suite, to: hs1.sessionId, sessionId, replyTo: context.addresses.inbox, message: handshake.endWrite(payload) });
    if (byId.get(localId) !== pending) return handshake.erase();
    pending.handshake = handshake;
    pending.hs2 = { frame, replyTo, left: answersMax };
    answered.set(key, pending.hs2);
    context.sendQuietly(replyTo, frame);
  };

  const finish = async (pending: Pending, handshake: Handshake, h: Uint8Array, bytes: Uint8Array, hs3Hash: Uint8Array): Promise<void> => {
    const { hs1, localId, suite, replyTo } = pending;
    const payload = decodePayload(bytes, 3);
    const peer = await verifyPeer(context, { role: "initiator", payload, h, sessionId: hs1.sessionId, replyTo });
    if (byId.get(localId) !== pending) return;
    const sameList = payload.suites.length === hs1.suites.length && payload.suites.every((id, i) => id === hs1.suites[i]);
    const offered = payload.link;
    if (!sameList) refuse("suites_changed");
    if (!sameList || offered === undefined)
      throw new TightbeamError("handshake_failed", "The suites of message 3 are not those of message 1: somebody on the way changed the offer.", {
        retryable: false,
      });
    const session = sessionOf(context, handshake, suite, localId, hs1.sessionId);
    try {
      const { continued, link } = context.link.accept(peer, offered, h, session.hash);
      const ready = buildReady(crypto.sha256.digest(bytes), continued, link);
      const first = session.seal(ready);
      context.link.established({ role: "responder", session, peer, link: offered, proofHash: h, continued, cells: noBytes });
      pending.leave();
      finished.set(localId, { hs3Hash, replyTo, ready, session, left: answersMax });
      context.sendQuietly(replyTo, first);
    } catch (error) {
      session.end();
      throw error;
    }
    counters.established += 1;
    for (const frame of pending.held.take(clock.monotonic())) context.deliver(frame);
    context.emit({ type: "established", role: "responder", peer: peer.id, instance: peer.instance, suite, ms: clock.monotonic() - pending.started });
  };

  return {
    get pending() {
      return admission.pending;
    },
    has: (id) => byId.has(id) || finished.get(id) !== undefined,

    receiveHs1(at, frame) {
      if (closed) return;
      const hs1 = parseHs1(frame);
      if (typeof hs1 === "string") return refuse(hs1);
      if (at !== context.addresses.agent && at !== context.addresses.inbox) return refuse("wrong_address");
      if (hs1.replyTo === context.addresses.inbox) return refuse("self");
      const suite = chooseSuite(context.suites, hs1.suites);
      if (suite === undefined) return refuse("no_common_suite");
      if (hs1.asks) return sendRetry(hs1, crypto.sha256.digest(frame), suite);
      if (hs1.suite === suite && hs1.message.length !== suiteOf(suite)?.message1Bytes) return refuse("malformed");
      const hash = crypto.sha256.digest(frame);
      const key = toBase64url(hash);
      const known = byHash.get(key);
      const cached = known?.hs2 ?? answered.get(key);
      if (cached !== undefined && cached.left-- > 0) context.sendQuietly(cached.replyTo, cached.frame);
      if (known !== undefined || cached !== undefined) return;
      if (hs1.cookie === undefined) {
        if (hs1.suite !== suite || admission.needsCookie(hs1.replyTo)) return sendRetry(hs1, hash, suite);
      } else if (hs1.suite !== suite) return refuse("retried_suite");
      const firstHash = hs1.cookie === undefined ? undefined : cookies.check(hs1.cookie, hs1.replyTo);
      if (hs1.cookie !== undefined && firstHash === undefined) return refuse("cookie");
      const localId = context.newSessionId();
      const leave = admission.enter(hs1.replyTo, firstHash !== undefined);
      if (typeof leave === "string") return refuse(leave);

      const deadline = (): void => {
        refuse("deadline");
        pending.leave();
      };
      const cancel = timers.after(limits.handshakeDeadlineMs, deadline, { background: true });
      const pending: Pending = {
        localId,
        hs1,
        replyTo: hs1.replyTo as Address,
        suite,
        started: clock.monotonic(),
        held: createHeldFrames(limits),
        handshake: undefined,
        hs2: undefined,
        hs3Hash: undefined,
        leave: () => {
          cancel();
          leave();
          pending.handshake?.erase();
          byId.delete(localId);
          byHash.delete(key);
        },
      };
      byId.set(localId, pending);
      byHash.set(key, pending);
      counters.started += 1;
      const retry =
        firstHash === undefined || hs1.cookie === undefined
          ? noBytes
          : retryBinding(firstHash, buildRetry({ suite, to: hs1.sessionId, replyTo: context.addresses.inbox, cookie: hs1.cookie }));
      answer(at, pending, retry, key).catch((error: unknown) => failed(pending, error));
    },

    receiveHs3(frame) {
      const id = sessionIdOf(frame);
      const done = finished.get(id);
      if (done !== undefined) {
        if (!equalBytes(crypto.sha256.digest(frame), done.hs3Hash)) refuse("late_hs3");
        // Whoever has sent a record that opened has READY: nothing to repeat.
        else if (!done.session.ended && done.session.counters.opened === 0 && done.left-- > 0) context.sendQuietly(done.replyTo, done.session.seal(done.ready));
        return true;
      }
      const pending = byId.get(id);
      if (pending === undefined) return false;
      const hs3 = parseHs3(frame);
      if (typeof hs3 === "string" || hs3.suite !== pending.suite || pending.handshake === undefined) {
        refuse(typeof hs3 === "string" ? hs3 : "hs3_state");
        return true;
      }
      const hash = crypto.sha256.digest(frame);
      if (pending.hs3Hash !== undefined) {
        if (!equalBytes(hash, pending.hs3Hash)) refuse("late_hs3");
        return true;
      }
      const { handshake } = pending;
      let h: Uint8Array;
      let payload: Uint8Array;
      try {
        h = handshake.beginRead(hs3.message);
        payload = handshake.endRead();
      } catch {
        refuse("hs3_auth");
        return true;
      }
      pending.hs3Hash = hash;
      finish(pending, handshake, h, payload, hash).catch((error: unknown) => failed(pending, error));
      return true;
    },

    receiveData(frame) {
      const pending = byId.get(sessionIdOf(frame));
      if (pending === undefined) return false;
      if (pending.hs3Hash === undefined || !pending.held.hold(frame, clock.monotonic())) refuse("early_data");
      return true;
    },

    close() {
      closed = true;
      for (const pending of [...byId.values()]) pending.leave();
      answered.clear();
      finished.clear();
    },
  };
}
