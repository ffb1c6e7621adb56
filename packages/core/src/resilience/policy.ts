import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { createEmitter } from "../telemetry/events.js";
import { GuardedCall } from "./guarded-call.js";
import { createPool } from "./pool.js";
import { type Course, Run } from "./run.js";
import { bindOnce, checkNumber, type StepWork, timerMax, workOf } from "./step.js";
import type { AgentPolicy, Attempt, CallPolicy, FunctionOperation, Operation, PolicyEvent, RunOptions, Step } from "./types.js";

/**
 * One policy of several steps, the outermost first: `policy(retry(), breaker(), bulkhead({ concurrent: 64 }), timeout(2_000))` tries again what a closed
 * breaker and a free place let through, 2 s at a time. Throws `invalid_argument`.
 */
export function policy(...steps: readonly Step[]): CallPolicy {
  if (steps.length === 0 || steps.length > limits.policySteps) throw invalid(`A policy has 1 to ${limits.policySteps} steps.`);
  if (new Set(steps).size < steps.length) throw invalid("A step is in this policy twice: make a second one.");
  const works: readonly StepWork[] = steps.map((step) => {
    const work = workOf(step);
    if (work === undefined) throw invalid("The steps of a policy are what retry(), breaker(), bulkhead() and timeout() return.");
    return work;
  });
  const events = createEmitter<PolicyEvent>();
  const course: Course = { works, places: placesOf(steps), emit: events.emit, runtime: undefined, narrowed: undefined };

  const bind = (runtime: Runtime): void => {
    bindOnce(course.runtime, runtime);
    for (const work of works) work.bind(runtime);
    course.runtime = runtime;
  };

  const execute = <T>(operation: Operation<T>): Promise<T> => {
    if (course.runtime === undefined) bind(systemRuntime());
    operation.pool?.begins();
    return new Run(operation, course).start();
  };

  return Object.freeze<AgentPolicy>({
    execute,
    call: (way, to, method, payload, options) => execute(new GuardedCall(way, to, method, payload, options)),
    pool: createPool,
    async run(operation, options = {}) {
      return execute(functionOperation(operation, options));
    },
    status: () => steps.map((step) => step.status()),
    onEvent: events.on,
    bind(to) {
      bind(to);
      return this;
    },
  });
}

/** Numbers under which steps keep things: what every call keeps comes first, since the first of them costs no array. */
function placesOf(steps: readonly Step[]): readonly number[] {
  const order: readonly Step["kind"][] = ["breaker", "timeout", "bulkhead", "retry"];
  const sorted = steps.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return steps.map((step) => sorted.indexOf(step));
}

function functionOperation<T>(run: (attempt: Attempt) => PromiseLike<T> | T, options: RunOptions): FunctionOperation<T> {
  if (typeof run !== "function") throw invalid("policy.run takes a function.");
  checkKnown("policy.run()", options, ["key", "signal", "timeout", "idempotent"]);
  const { key = {}, signal, timeout, idempotent = false } = options;
  if (timeout !== undefined) checkNumber("policy.run({ timeout })", timeout, 1, timerMax, false);
  checkKnown("policy.run({ key })", key, ["peer", "method"]);
  const { peer = "", method = "" } = key;
  for (const name of [peer, method])
    if (typeof name !== "string" || name.length > limits.callKeyMax)
      throw invalid(`A key has a peer and a method, each of at most ${limits.callKeyMax} characters.`);
  return { peer, method, idempotent: idempotent === true, idempotencyKey: undefined, signal, timeout, selfLimited: false, pool: undefined, run };
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
