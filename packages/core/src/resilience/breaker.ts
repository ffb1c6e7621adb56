import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import { createEmitter } from "../telemetry/events.js";
import type { CircuitListener, CircuitRules, Pass } from "./circuit.js";
import { Circuits } from "./circuits.js";
import { type Verdict, verdictOf } from "./outcome.js";
import { bindOnce, checkFunction, checkNumber, checkPer, defineStep, type Per, type StepRun, type StepWork, timerMax } from "./step.js";
import type { BreakerEvent, BreakerStatus, CallKey, CircuitStatus, Step } from "./types.js";
import type { WindowSize } from "./window.js";

export interface BreakerOptions {
  /** It opens after so many failures in a row. Default 5; `false`: never for that. */
  readonly consecutiveFailures?: number | false | undefined;
  /** It opens when at least this part of the calls in the window failed, more than 0 and at most 1. Default 0.5; `false`: never for that. */
  readonly failureRate?: number | false | undefined;
  /** The rate counts from so many calls in the window on. Default 20. */
  readonly minimumCalls?: number | undefined;
  /** `{ ms }`: the calls of that time; they leave it a tenth of it at a time. `{ calls }`: the last so many, at most 10,000. Default `{ ms: 10_000 }`. */
  readonly window?: WindowSize | undefined;
  /** ms until it lets a probe through. Default 10,000. */
  readonly openFor?: number | undefined;
  /** Doubles up to this when a probe fails, or it opens again before it was closed as long as it had been open. Default 60,000, or `openFor` where that is more. */
  readonly openForMax?: number | undefined;
  /** So many must come through, and no more are let through, before it closes. Default 1. */
  readonly halfOpenProbes?: number | undefined;
  /** Which errors count against the peer; others show that it is well. Default: what is neither the caller's own mistake nor a plain refusal. An operation that its caller gave up counts for nothing. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /** What has a circuit of its own: each `method` of each peer (default), each `peer`, or `all` together. */
  readonly per?: Per | undefined;
}

export interface Breaker extends Step<BreakerStatus> {
  /** Opens it until `reset`: of one peer or method, or all that there are and will be. Throws `overloaded` when there is no room for one more. */
  open(key?: CallKey): void;
  /** Closes it: of one peer or method, or all. */
  reset(key?: CallKey): void;
  /** All changes, those made by hand too. */
  onEvent(listener: (event: BreakerEvent) => void): () => void;
}

class BreakerWork implements StepWork {
  refused = 0;
  unwatched = 0;
  readonly events = createEmitter<BreakerEvent>();
  readonly #per: Per;
  readonly #isFailure: ((error: unknown) => boolean) | undefined;
  readonly #circuits: Circuits;
  #runtime: Runtime | undefined;
  #allHeld = false;

  constructor(rules: CircuitRules, per: Per, isFailure: ((error: unknown) => boolean) | undefined) {
    this.#per = per;
    this.#isFailure = isFailure;
    this.#circuits = new Circuits(rules, limits.circuits, this.#tell);
  }

  bind(runtime: Runtime): void {
    this.#runtime = bindOnce(this.#runtime, runtime);
  }

  enter(run: StepRun, at: number): undefined {
    const { peer, method } = run.operation;
    const { now } = run;
    if (this.#allHeld) throw this.#refusal("all peers", Number.POSITIVE_INFINITY);
    const circuit = this.#circuits.get(this.#peerOf(peer), this.#methodOf(method), now);
    if (circuit === undefined) {
      this.unwatched++;
      run.keep(at, undefined);
      return;
    }
    const pass = circuit.admit(now, run);
    if (typeof pass === "number") throw this.#refusal(`'${circuit.method || "all methods"}' at ${circuit.peer || "all peers"}`, pass);
    run.keep(at, pass);
  }

  /** It counts from when the call began, which is known: reading the clock costs as much as all the rest here. */
  succeeded(run: StepRun, at: number): void {
    this.#settle(run, at, "success", run.now);
  }

  failed(run: StepRun, at: number, error: unknown): undefined {
    // What was given up here, or never tried, says nothing about the peer.
    const own = run.refused || run.operation.signal?.aborted === true;
    this.#settle(run, at, own ? "ignored" : this.#verdict(error), this.now);
  }

  hold({ peer, method }: CallKey = {}): void {
    const { now } = this;
    if (peer === undefined && method === undefined) {
      this.#allHeld = true;
      for (const circuit of this.#circuits.all()) circuit.hold(now);
      return;
    }
    const circuit = this.#circuits.get(this.#peerOf(peer ?? ""), this.#methodOf(method ?? ""), now);
    if (circuit === undefined) throw new TightbeamError("overloaded", `${limits.circuits} circuits are open already: there is no room for one more.`);
    circuit.hold(now);
  }

  reset({ peer, method }: CallKey = {}): void {
    const { now } = this;
    const all = peer === undefined && method === undefined;
    if (all) this.#allHeld = false;
    for (const circuit of this.#circuits.all()) {
      const named = circuit.peer === this.#peerOf(peer ?? "") && circuit.method === this.#methodOf(method ?? "");
      if (all || named) circuit.reset(now);
    }
  }

  circuits(): readonly CircuitStatus[] {
    const { now } = this;
    return [...this.#circuits.all()].map((circuit) => circuit.status(now));
  }

  /** Before its first use there is nothing but what was opened by hand, which knows no time. */
  get now(): number {
    return this.#runtime?.clock.monotonic() ?? 0;
  }

  #peerOf(peer: string): string {
    return this.#per === "all" ? "" : peer;
  }

  #methodOf(method: string): string {
    return this.#per === "method" ? method : "";
  }

  #verdict(error: unknown): Verdict {
    if (this.#isFailure === undefined) return verdictOf(error);
    try {
      return this.#isFailure(error) === true ? "failure" : "success";
    } catch {
      return "failure";
    }
  }

  #settle(run: StepRun, at: number, verdict: Verdict, now: number): void {
    const pass = run.kept(at) as Pass | undefined;
    pass?.circuit.settle(pass, verdict, now, run);
  }

  readonly #tell: CircuitListener = ({ peer, method }, { from, to, reason, retryAfter }, cause) => {
    const event: BreakerEvent = { type: "breaker", peer, method, from, to, reason, ...(retryAfter === undefined ? {} : { retryAfter }) };
    this.events.emit(event);
    cause?.emit(event);
  };

  #refusal(what: string, after: number): TightbeamError {
    this.refused++;
    if (after === Number.POSITIVE_INFINITY) return new TightbeamError("circuit_open", `The breaker for ${what} was opened by hand. Nothing was sent.`);
    return new TightbeamError("circuit_open", `Calls of ${what} failed too often: none is made for ${Math.ceil(after)} ms. Nothing was sent.`, {
      retryAfter: after,
    });
  }
}

const known = ["consecutiveFailures", "failureRate", "minimumCalls", "window", "openFor", "openForMax", "halfOpenProbes", "isFailure", "per"];

/** Stops calling who fails too often, and finds out with a few probes when to call again. It counts monotonic time: setting the clock changes nothing. Throws `invalid_argument`. */
export function breaker(options: BreakerOptions = {}): Breaker {
  checkKnown("breaker()", options, known);
  const { isFailure, per = "method" } = options;
  checkFunction("breaker({ isFailure })", isFailure);
  checkPer("breaker({ per })", per);
  const work = new BreakerWork(rulesOf(options), per, isFailure);
  return defineStep<Breaker>(
    {
      kind: "breaker",
      status: () => ({ kind: "breaker", circuits: work.circuits(), refused: work.refused, unwatched: work.unwatched }),
      open: (key) => work.hold(key),
      reset: (key) => work.reset(key),
      onEvent: work.events.on,
    },
    work,
  );
}

function rulesOf({
  consecutiveFailures = 5,
  failureRate = 0.5,
  minimumCalls = 20,
  window = { ms: 10_000 },
  openFor = 10_000,
  openForMax = Math.max(openFor, 60_000),
  halfOpenProbes = 1,
}: BreakerOptions): CircuitRules {
  if (consecutiveFailures !== false) checkNumber("breaker({ consecutiveFailures })", consecutiveFailures, 1, 1e6, true);
  if (failureRate !== false && !(typeof failureRate === "number" && failureRate > 0 && failureRate <= 1))
    throw new TightbeamError("invalid_argument", "breaker({ failureRate }) is more than 0 and at most 1, or false.");
  if (consecutiveFailures === false && failureRate === false)
    throw new TightbeamError("invalid_argument", "breaker() opens after `consecutiveFailures`, at a `failureRate`, or both: not both are false.");
  checkNumber("breaker({ minimumCalls })", minimumCalls, 1, 1e6, true);
  checkKnown("breaker({ window })", window, ["calls", "ms"]);
  if ("calls" in window === "ms" in window) throw new TightbeamError("invalid_argument", "breaker({ window }) is { ms } or { calls }.");
  if ("calls" in window) checkNumber("breaker({ window: { calls } })", window.calls, minimumCalls, 10_000, true);
  else checkNumber("breaker({ window: { ms } })", window.ms, 10, timerMax, false);
  checkNumber("breaker({ openFor })", openFor, 1, timerMax, false);
  checkNumber("breaker({ openForMax })", openForMax, openFor, timerMax, false);
  checkNumber("breaker({ halfOpenProbes })", halfOpenProbes, 1, 1_000, true);
  return {
    consecutiveFailures: consecutiveFailures === false ? Number.POSITIVE_INFINITY : consecutiveFailures,
    failureRate: failureRate === false ? Number.POSITIVE_INFINITY : failureRate,
    minimumCalls,
    window: Object.freeze({ ...window }),
    openFor,
    openForMax,
    halfOpenProbes,
  };
}
