import { TightbeamError } from "../errors.js";
import { frameType, sessionIdOf } from "../frame/frame.js";
import * as frameTypes from "../frame/frame-types.js";
import type { Address } from "../transport/address.js";
import { createAttempt } from "./attempt.js";
import type { Attempt } from "./attempt-types.js";
import { asTightbeamError, type Context } from "./context.js";
import { createHeldFrames, type HeldFrames } from "./held.js";
import { parseTarget, type Target } from "./target.js";
import type { Established, SuiteId } from "./types.js";
import { moreTelling, noAnswer } from "./verdict.js";

/** Dials. Each attempt has keys of its own; a dial is attempts until one succeeds, one fails for good, or the time is over. */
export interface Initiator {
  dial(to: Address, options: { readonly timeout: number; readonly signal?: AbortSignal }): Promise<Established>;
  /** HS2, RETRY, DATA: false when no attempt here has the frame's id. */
  receive(frame: Uint8Array): boolean;
  /** Our own HS1 came back on one of our own addresses. */
  reflected(at: Address, frame: Uint8Array): void;
  has(id: number): boolean;
  close(): void;
}

const dialsMax = 1_024;

export function createInitiator(context: Context): Initiator {
  const { runtime, counters } = context;
  const { clock, timers } = runtime;
  const attempts = new Map<number, Attempt>();
  const dials = new Set<(error: unknown) => void>();
  /** Sessions handed over in this turn: whoever awaits `dial` may not have registered them yet. */
  const justReady = new Map<number, HeldFrames>();
  let closed = false;

  const hold = (id: number): void => {
    const held = createHeldFrames(context.limits);
    justReady.set(id, held);
    timers.turn(() => {
      justReady.delete(id);
      for (const frame of held.take(clock.monotonic())) context.deliver(frame);
    });
  };

  const run = (
    target: Target,
    options: { readonly timeout: number; readonly signal?: AbortSignal },
    resolve: (value: Established) => void,
    reject: (error: unknown) => void,
  ): void => {
    const started = clock.monotonic();
    let attempt: Attempt | undefined;
    let best: TightbeamError | undefined;
    let hint: SuiteId | undefined;

    const finish = (): void => {
      cancelTimeout();
      options.signal?.removeEventListener("abort", aborted);
      dials.delete(fail);
      if (attempt !== undefined) attempts.delete(attempt.localId);
      attempt?.end();
    };
    const fail = (error: unknown): void => {
      finish();
      counters.failed += 1;
      context.emit({
        type: "failed",
        role: "initiator",
        peer: target.id,
        error: error instanceof TightbeamError ? error : new TightbeamError("cancelled", "The dial was given up by whoever asked for it.", { cause: error }),
      });
      reject(error);
    };
    const note = (error: TightbeamError): void => {
      best = moreTelling(best, error);
    };
    const aborted = (): void => fail(options.signal?.reason);
    const cancelTimeout = timers.after(options.timeout, () => {
      if (attempt !== undefined) note(attempt.verdict());
      const waited = Math.round(clock.monotonic() - started);
      fail(best === undefined || best.code === "no_answer" ? noAnswer(target.to, waited) : best);
    });

    const next = (): void => {
      counters.started += 1;
      const current = createAttempt(context, target, hint, {
        established: (value) => {
          finish();
          hold(value.session.localId);
          counters.established += 1;
          context.emit({
            type: "established",
            role: "initiator",
            peer: value.peer.id,
            instance: value.peer.instance,
            suite: value.session.suite,
            ms: clock.monotonic() - started,
          });
          resolve(value);
        },
        fatal: fail,
        over: (verdict) => {
          note(verdict);
          hint = current.wanted ?? hint;
          attempts.delete(current.localId);
          if (best !== undefined && !best.retryable) fail(best);
          else next();
        },
      });
      attempt = current;
      attempts.set(current.localId, current);
      current.start();
    };

    dials.add(fail);
    options.signal?.addEventListener("abort", aborted, { once: true });
    try {
      next();
    } catch (error) {
      fail(asTightbeamError(error, "A handshake could not be started: no keys could be made. See the cause."));
    }
  };

  return {
    has: (id) => attempts.has(id),

    dial(to, options) {
      return new Promise((resolve, reject) => {
        const target = parseTarget(to);
        if (closed) reject(new TightbeamError("closed", "This agent is closed. Create a new one."));
        else if (target === undefined) reject(new TightbeamError("invalid_address", "Only agent/<id> and inbox/<id>/<instance> can be dialled."));
        else if (!(options.timeout > 0)) reject(new TightbeamError("invalid_argument", "A dial needs a timeout in ms above 0."));
        else if (to === context.addresses.inbox) reject(new TightbeamError("self", "This agent's own instance answered. An agent cannot link to itself."));
        else if (options.signal?.aborted === true) reject(options.signal.reason);
        else if (dials.size >= dialsMax) reject(new TightbeamError("overloaded", `${dialsMax} dials are under way. Wait for some of them.`));
        else run(target, options, resolve, reject);
      });
    },

    receive: (frame) => {
      const id = sessionIdOf(frame);
      const attempt = attempts.get(id);
      if (attempt !== undefined) attempt.receive(frame);
      else if (frameType(frame) !== frameTypes.data || justReady.get(id)?.hold(frame, clock.monotonic()) !== true) return false;
      return true;
    },

    reflected(at, frame) {
      for (const attempt of attempts.values()) if (attempt.reflected(at, frame)) return;
    },

    close() {
      closed = true;
      for (const fail of [...dials]) fail(new TightbeamError("closed", "The agent was closed while it dialled."));
    },
  };
}
