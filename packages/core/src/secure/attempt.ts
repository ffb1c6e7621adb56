import { equalBytes, toBase64url } from "../bytes.js";
import type { TightbeamError } from "../errors.js";
import { buildHs1Head, buildHs3, frameType, type Hs2, parseHs2, parseRetry, type Retry, sessionIdToBytes } from "../frame/frame.js";
import * as frameTypes from "../frame/frame-types.js";
import type { Handshake } from "../noise/types.js";
import type { Address } from "../transport/address.js";
import type { Attempt, AttemptEvents } from "./attempt-types.js";
import { verifyPeer, writePayload } from "./authenticate.js";
import { sessionOf, startNoise } from "./channel.js";
import { asTightbeamError, type Context } from "./context.js";
import { cookieHash } from "./cookie.js";
import { decodePayload } from "./payload.js";
import { parseReady } from "./ready.js";
import { createRepeater, type Repeater } from "./repeat.js";
import { chooseSuite } from "./suites.js";
import { parseTarget, type Target } from "./target.js";
import { prologue, retryBinding } from "./transcript.js";
import type { Peer, Session, SuiteId } from "./types.js";
import { changedOffer, noAnswer, nothingAuthentic, ownInstance, unconfirmed } from "./verdict.js";

/** To the end of the attempt: where one frame in five is lost, 6 in 100 dials need the third, and 2 in 1,000 the last. */
const hs1Delays = [1_000, 1_000, 2_000, 2_000, 2_000];
const hs3Delays = [500, 500, 1_000, 2_000, 2_000, 2_000];
/** Different HS2 frames looked at, and looked at by the identity layer at once: a flood of forgeries costs this much per attempt. */
const hs2TriesMax = 64;
const hs2ChecksMax = 4;
/** Own HS1s that must come back on the dialled address before the dial counts as a call to oneself: in a group a repeat may reach another member. */
const reflectionsMax = 4;
const noBytes = new Uint8Array(0);

/** One run of the handshake as initiator: HS1, perhaps RETRY, the first HS2 that authenticates, HS3, READY. */
export function createAttempt(context: Context, target: Target, hint: SuiteId | undefined, events: AttemptEvents): Attempt {
  const { runtime, crypto, limits, refuse } = context;
  const localId = context.newSessionId();
  const sessionId = sessionIdToBytes(localId);
  const seen = new Set<string>();
  let suite = hint ?? (context.suites[0] as SuiteId);
  /** Where HS1 goes: the second one to the instance that asked for it, since in a group another would not know its cookie. */
  let aim = target;
  let wanted: SuiteId | undefined;
  let handshake: Handshake | undefined;
  let firstHs1Hash: Uint8Array | undefined;
  let hs1: Repeater | undefined;
  let hs1Frame: Uint8Array | undefined;
  let checking = 0;
  let reflections = 0;
  let answers = 0;
  /** The answer that authenticated. */
  let winner: { readonly hs2Key: string; hs3: Repeater | undefined } | undefined;
  let waiting: { readonly session: Session; readonly peer: Peer; readonly payloadHash: Uint8Array; readonly proofHash: Uint8Array } | undefined;
  let problem: TightbeamError | undefined;
  let sendProblem: TightbeamError | undefined;
  let cancelDeadline: (() => void) | undefined;
  let ended = false;

  const end = (): void => {
    ended = true;
    cancelDeadline?.();
    hs1?.stop();
    winner?.hs3?.stop();
    waiting?.session.end();
    waiting = undefined;
    handshake?.erase();
    handshake = undefined;
  };
  const fatal = (error: unknown): void => {
    if (!ended) events.fatal(error);
  };

  const verdict = (): TightbeamError => {
    if (winner !== undefined) return unconfirmed(target.to);
    return problem ?? (answers > 0 ? nothingAuthentic(target.to) : (sendProblem ?? noAnswer(target.to)));
  };

  const repeat = (to: Address, frame: Uint8Array, delays: readonly number[]): Repeater =>
    createRepeater(
      runtime.timers,
      () => context.send(to, frame),
      delays,
      (error) => {
        if (error.retryable) sendProblem = error;
        else fatal(error);
      },
    );

  /** HS1, or the second one after a RETRY. */
  const begin = async (retry: Uint8Array, cookie: Uint8Array | undefined): Promise<void> => {
    const chosen = suite;
    const head = buildHs1Head({ suite: chosen, sessionId, replyTo: context.addresses.inbox, suites: context.suites, cookie });
    const fresh = await startNoise(context, chosen, "initiator", prologue(aim.to, retry, head));
    if (ended) return fresh.erase();
    const message = fresh.writeMessage(noBytes);
    const frame = new Uint8Array(head.length + message.length);
    frame.set(head);
    frame.set(message, head.length);
    handshake = fresh;
    firstHs1Hash ??= crypto.sha256.digest(frame);
    hs1Frame = frame;
    hs1 = repeat(aim.to, frame, hs1Delays);
  };

  const onRetry = (retry: Retry, frame: Uint8Array) => {
    if (wanted !== undefined || winner !== undefined || firstHs1Hash === undefined) return refuse("late_retry");
    const asked = context.suites.find((id) => id === retry.suite);
    if (asked === undefined) return refuse("retry_suite");
    if (!equalBytes(cookieHash(retry.cookie), firstHs1Hash)) return refuse("retry_cookie");
    const to = parseTarget(retry.replyTo as Address);
    const named = to?.id === target.id && (target.instance === undefined || to.instance === target.instance);
    if (!named || to.to === context.addresses.inbox) return refuse("retry_address");
    wanted = asked;
    aim = to;
    suite = asked;
    handshake?.erase();
    handshake = undefined;
    hs1?.stop();
    begin(retryBinding(firstHs1Hash, frame), retry.cookie.slice()).catch((error: unknown) =>
      fatal(asTightbeamError(error, "A handshake could not be continued. See the cause.")),
    );
  };

  /** The peer is who it must be: say who we are. `begun`: what `beginWrite` gave, if it was called before. */
  const confirm = async (fork: Handshake, hs2: Hs2, peer: Peer, begun: Uint8Array | undefined): Promise<void> => {
    const proofHash = begun ?? fork.beginWrite();
    const link = context.link.offer(peer, proofHash);
    const payload = await writePayload(context, "initiator", proofHash, { sessionId, suites: context.suites, link });
    if (ended || winner === undefined) return fork.erase();
    const message = fork.endWrite(payload);
    waiting = { session: sessionOf(context, fork, suite, localId, hs2.sessionId), peer, payloadHash: crypto.sha256.digest(payload), proofHash };
    winner.hs3 = repeat(hs2.replyTo as Address, buildHs3({ suite, to: hs2.sessionId, message }), hs3Delays);
  };

  const check = async (fork: Handshake, hs2: Hs2, h: Uint8Array, bytes: Uint8Array, hs2Key: string): Promise<void> => {
    let peer: Peer;
    let begun: Uint8Array | undefined;
    // Nothing of it leaves before the peer is known.
    const meanwhile = (): void => {
      begun = fork.beginWrite();
    };
    checking += 1;
    try {
      const payload = decodePayload(bytes, 2);
      peer = await verifyPeer(context, { role: "responder", payload, h, sessionId: hs2.sessionId, replyTo: hs2.replyTo, expected: aim, meanwhile });
      if (chooseSuite(payload.suites as SuiteId[], context.suites) !== suite) throw changedOffer();
    } catch (error) {
      problem ??= asTightbeamError(error, "The peer's answer could not be checked. See the cause.");
      refuse(problem.code, target.id);
      return fork.erase();
    } finally {
      checking -= 1;
    }
    if (ended || winner !== undefined) return fork.erase();
    winner = { hs2Key, hs3: undefined };
    hs1?.stop();
    await confirm(fork, hs2, peer, begun).catch((error: unknown) => {
      fork.erase();
      fatal(error);
    });
  };

  const onHs2 = (hs2: Hs2, frame: Uint8Array) => {
    if (handshake === undefined || hs2.suite !== suite) return refuse("hs2_state");
    const hs2Key = toBase64url(crypto.sha256.digest(frame));
    if (winner !== undefined) {
      if (winner.hs2Key !== hs2Key) return refuse("late_hs2");
      return winner.hs3?.now();
    }
    if (seen.has(hs2Key)) return;
    if (seen.size >= hs2TriesMax || checking >= hs2ChecksMax) return refuse("hs2_flood");
    seen.add(hs2Key);
    answers += 1;
    const fork = handshake.fork();
    let h: Uint8Array;
    let payload: Uint8Array;
    try {
      h = fork.beginRead(hs2.message);
      payload = fork.endRead();
    } catch {
      fork.erase();
      return refuse("hs2_auth");
    }
    void check(fork, hs2, h, payload, hs2Key);
  };

  const onData = (frame: Uint8Array) => {
    if (waiting === undefined) return refuse("early_data");
    const { session, peer, payloadHash, proofHash } = waiting;
    const plaintext = session.open(frame);
    if (plaintext === undefined) return refuse("data_auth");
    const ready = parseReady(plaintext);
    if (ready === undefined) return refuse("before_ready");
    if (!equalBytes(ready.payloadHash, payloadHash)) return refuse("ready_hash");
    waiting = undefined;
    const { link, continued, cells } = ready;
    events.established({ role: "initiator", session, peer, link, proofHash, continued, cells });
  };

  return {
    localId,
    verdict,
    end,
    get wanted() {
      return wanted;
    },
    start() {
      cancelDeadline = runtime.timers.after(limits.handshakeDeadlineMs, () => {
        const why = verdict();
        end();
        events.over(why);
      });
      begin(noBytes, undefined).catch((error: unknown) =>
        fatal(asTightbeamError(error, "A handshake could not be started: no keys could be made. See the cause.")),
      );
    },
    receive(frame) {
      if (ended) return;
      const type = frameType(frame);
      if (type === frameTypes.data) return onData(frame);
      if (type === frameTypes.hs2) {
        const hs2 = parseHs2(frame);
        return typeof hs2 === "string" ? refuse(hs2) : onHs2(hs2, frame);
      }
      const retry = parseRetry(frame);
      return typeof retry === "string" ? refuse(retry) : onRetry(retry, frame);
    },
    reflected(at, frame) {
      if (at !== aim.to || hs1Frame === undefined || !equalBytes(frame, hs1Frame)) return false;
      reflections += 1;
      problem ??= ownInstance();
      if (winner !== undefined) return true;
      if (reflections >= reflectionsMax) fatal(problem);
      // Where the group has other members, one of them may get this one.
      else hs1?.now();
      return true;
    },
  };
}
