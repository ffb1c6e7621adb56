import type { Verdict } from "./outcome.js";
import type { StepRun } from "./step.js";
import type { BreakerReason, BreakerState, CircuitStatus } from "./types.js";
import { createWindow, type Window, type WindowSize } from "./window.js";

export interface CircuitRules {
  readonly consecutiveFailures: number;
  readonly failureRate: number;
  readonly minimumCalls: number;
  readonly window: WindowSize;
  readonly openFor: number;
  readonly openForMax: number;
  readonly halfOpenProbes: number;
}

/** What may call while the circuit is closed. */
class Closed {
  readonly name = "closed";
  readonly circuit: Circuit;
  readonly window: Window;
  consecutive = 0;

  constructor(circuit: Circuit, size: WindowSize, now: number) {
    this.circuit = circuit;
    this.window = createWindow(size, now);
  }
}

interface Open {
  readonly name: "open";
  /** Since when, and how long. `ms` undefined: until it is reset by hand. */
  at: number;
  readonly ms: number | undefined;
}

interface HalfOpen {
  readonly name: "half_open";
  readonly probes: Set<Probe>;
  succeeded: number;
}

class Probe {
  readonly circuit: Circuit;
  readonly of: HalfOpen;
  readonly at: number;

  constructor(circuit: Circuit, of: HalfOpen, at: number) {
    this.circuit = circuit;
    this.of = of;
    this.at = at;
  }
}

/** Says in which of its states a circuit let a call through: what comes back counts for that one only. */
export type Pass = Closed | Probe;

export interface CircuitChange {
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: BreakerReason;
  readonly retryAfter: number | undefined;
}

/** Told of each change, and of the call that made it, where one did. */
export type CircuitListener = (circuit: Circuit, change: CircuitChange, cause: StepRun | undefined) => void;

/** One breaker: monotonic readings in, states out. */
export class Circuit {
  readonly peer: string;
  readonly method: string;
  readonly #rules: CircuitRules;
  readonly #changed: CircuitListener;
  #state: Closed | Open | HalfOpen;
  /** How long it was open last; doubles when a probe fails, until it has been closed as long. */
  #openMs: number;
  #closedAt: number;

  constructor(peer: string, method: string, rules: CircuitRules, now: number, changed: CircuitListener) {
    this.peer = peer;
    this.method = method;
    this.#rules = rules;
    this.#changed = changed;
    this.#openMs = 0;
    this.#closedAt = now;
    this.#state = new Closed(this, rules.window, now);
  }

  get state(): BreakerState {
    return this.#state.name;
  }

  /** By hand. */
  get held(): boolean {
    return this.#state.name === "open" && this.#state.ms === undefined;
  }

  /** A pass, or the ms after which to ask again (Infinity: when it is reset). */
  admit(now: number, cause?: StepRun): Pass | number {
    let state = this.#state;
    if (state.name === "closed") return state;
    if (state.name === "open") {
      const left = this.#leftOf(state, now);
      if (left > 0) return left;
      state = { name: "half_open", probes: new Set(), succeeded: 0 };
      this.#become(state, "time", undefined, cause);
    }
    const { halfOpenProbes, openFor } = this.#rules;
    // One that has not settled in all the time the circuit would be open counts no longer: else one lost call would shut it for ever.
    for (const probe of state.probes) if (now - probe.at >= openFor || now < probe.at) state.probes.delete(probe);
    if (state.probes.size + state.succeeded >= halfOpenProbes) return Math.ceil(openFor / 10);
    const probe = new Probe(this, state, now);
    state.probes.add(probe);
    return probe;
  }

  settle(pass: Pass, verdict: Verdict, now: number, cause?: StepRun): void {
    if (pass instanceof Closed) {
      if (pass === this.#state) this.#count(pass, verdict, now, cause);
      return;
    }
    const state = pass.of;
    if (state !== this.#state || !state.probes.delete(pass) || verdict === "ignored") return;
    if (verdict === "failure") return this.#open(now, "probe_failed", cause);
    if (++state.succeeded >= this.#rules.halfOpenProbes) this.#close(now, "probes_succeeded", cause);
  }

  /** Open until `reset`. */
  hold(now: number, cause?: StepRun): void {
    if (!this.held) this.#become({ name: "open", at: now, ms: undefined }, "manual", undefined, cause);
  }

  /** Closed, as if it had just been made. */
  reset(now: number, cause?: StepRun): void {
    this.#openMs = 0;
    this.#close(now, "manual", cause);
  }

  /** Says nothing that a new one would not. */
  isIdle(now: number): boolean {
    const state = this.#state;
    if (state.name !== "closed" || state.consecutive > 0 || now - this.#closedAt < this.#openMs) return false;
    state.window.advance(now);
    return state.window.failures === 0;
  }

  /** Not closed, and nobody has asked since a probe would be let through. */
  isRested(now: number): boolean {
    const state = this.#state;
    if (state.name === "half_open") return [...state.probes].every(({ at }) => now - at >= this.#rules.openFor);
    return state.name === "open" && this.#leftOf(state, now) <= 0;
  }

  status(now: number): CircuitStatus {
    const state = this.#state;
    const { peer, method, held } = this;
    const base = { peer, method, state: state.name, held } as const;
    if (state.name === "closed") {
      state.window.advance(now);
      return { ...base, calls: state.window.calls, failures: state.window.failures, consecutiveFailures: state.consecutive };
    }
    const none = { ...base, calls: 0, failures: 0, consecutiveFailures: 0 };
    return state.name === "half_open" || state.ms === undefined ? none : { ...none, retryAfter: this.#leftOf(state, now) };
  }

  #leftOf(state: Open, now: number): number {
    if (state.ms === undefined) return Number.POSITIVE_INFINITY;
    // No clock of ours goes back. One that does lengthens nothing.
    if (now < state.at) state.at = now;
    return Math.max(Math.ceil(state.at + state.ms - now), 0);
  }

  #count(state: Closed, verdict: Verdict, now: number, cause?: StepRun): void {
    if (verdict === "ignored") return;
    const { consecutiveFailures, failureRate, minimumCalls } = this.#rules;
    const failed = verdict === "failure";
    const { window } = state;
    window.add(failed, now);
    if (!failed) {
      state.consecutive = 0;
      return;
    }
    if (++state.consecutive >= consecutiveFailures) return this.#open(now, "consecutive_failures", cause);
    if (window.calls >= minimumCalls && window.failures >= failureRate * window.calls) this.#open(now, "failure_rate", cause);
  }

  #open(now: number, reason: BreakerReason, cause?: StepRun): void {
    const { openFor, openForMax } = this.#rules;
    const again = this.#state.name === "half_open" || now - this.#closedAt < this.#openMs;
    this.#openMs = again && this.#openMs > 0 ? Math.min(this.#openMs * 2, openForMax) : openFor;
    this.#become({ name: "open", at: now, ms: this.#openMs }, reason, this.#openMs, cause);
  }

  #close(now: number, reason: BreakerReason, cause?: StepRun): void {
    this.#closedAt = now;
    this.#become(new Closed(this, this.#rules.window, now), reason, undefined, cause);
  }

  #become(state: Closed | Open | HalfOpen, reason: BreakerReason, retryAfter: number | undefined, cause?: StepRun): void {
    const from = this.#state.name;
    this.#state = state;
    if (from !== state.name) this.#changed(this, { from, to: state.name, reason, retryAfter }, cause);
  }
}
