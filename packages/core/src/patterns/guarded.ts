import type { EncodedPayload } from "../codec/types.js";
import type { Method } from "../contract/index.js";
import { TightbeamError } from "../errors.js";
import type { Attempt, CallPolicy, Operation, PolicyEvent } from "../resilience/types.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Caller } from "./caller.js";
import type { PatternPart } from "./host.js";
import { checkOperation, type NotifyOptions, type RequestOptions, timeoutOf } from "./operation.js";
import type { Route } from "./target.js";

type How = "request" | "notify";

export interface GuardedOptions {
  readonly runtime: Runtime;
  readonly caller: Pick<Caller, How | "encode" | "requestEncoded" | "notifyEncoded">;
  readonly onEvent: (event: PolicyEvent) => void;
  /** The agent's own policy. */
  readonly policy: CallPolicy | undefined;
}

/** Requests and notifications under a policy. */
export interface Guarded extends Required<Pick<PatternPart, "drain" | "stop">> {
  request(to: Route, method: Method, input: unknown, operation: RequestOptions): Promise<unknown>;
  notify(to: Route, method: Method, input: unknown, operation: NotifyOptions): Promise<unknown>;
}

export const isPolicy = (value: unknown): value is CallPolicy =>
  typeof value === "object" && value !== null && typeof (value as CallPolicy).execute === "function" && typeof (value as CallPolicy).bind === "function";

export const noPolicy = "A call's policy is what policy() of @tightbeam/core/resilience returns, or false.";

/** Circuits and budgets are kept by agent; what goes to any of a kind has the kind's. No agent id has a colon. */
const peerOf = ({ kind, id }: Route): string => (kind === undefined ? id : `kind:${kind}`);

class GuardedCall implements Operation<unknown> {
  readonly peer: string;
  readonly method: string;
  readonly idempotent: boolean;
  readonly idempotencyKey: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly selfLimited = true;
  readonly #guard: Guard;
  readonly #how: How;
  readonly #to: Route;
  readonly #contract: Method;
  readonly #payload: EncodedPayload | undefined;
  readonly #operation: NotifyOptions;
  readonly #began: number;

  constructor(guard: Guard, how: How, to: Route, contract: Method, payload: EncodedPayload | undefined, operation: NotifyOptions) {
    this.peer = peerOf(to);
    this.method = contract.name;
    this.idempotencyKey = operation.idempotencyKey;
    this.idempotent = contract.idempotent || this.idempotencyKey !== undefined;
    this.signal = operation.signal;
    this.timeout = timeoutOf(operation);
    this.#guard = guard;
    this.#how = how;
    this.#to = to;
    this.#contract = contract;
    this.#payload = payload;
    this.#operation = operation;
    this.#began = operation.ttl === undefined ? 0 : guard.now;
    guard.active++;
  }

  attempt({ number, timeout = this.timeout }: Attempt): Promise<unknown> {
    const { caller } = this.#guard;
    let operation = timeout === this.timeout ? this.#operation : { ...this.#operation, timeout };
    if (number > 1 && operation.ttl !== undefined) operation = { ...operation, ttl: this.#ttlLeft(operation.ttl) };
    return this.#how === "request"
      ? caller.requestEncoded(this.#to, this.#contract, this.#payload, operation)
      : caller.notifyEncoded(this.#to, this.#contract, this.#payload, operation);
  }

  onEvent(event: PolicyEvent): void {
    this.#guard.onEvent(event);
  }

  waits(end: (error: unknown) => void, waiting: boolean): void {
    this.#guard.waits(end, waiting);
  }

  over(): void {
    this.#guard.over();
  }

  /** It counts from the call, not from the attempt. */
  #ttlLeft(ttl: number): number {
    const left = Math.ceil(ttl - (this.#guard.now - this.#began));
    if (left > 0) return left;
    throw new TightbeamError("expired", `'${this.method}' was not tried again: its ttl of ${ttl} ms is over.`, { retryable: false });
  }
}

class Guard {
  readonly caller: GuardedOptions["caller"];
  readonly onEvent: GuardedOptions["onEvent"];
  readonly #runtime: Runtime;
  /** Calls that have not settled. */
  active = 0;
  /** Of those, what ends the ones that wait. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #ended: TightbeamError | undefined;
  #idle: (() => void)[] = [];

  constructor({ caller, onEvent, runtime }: GuardedOptions) {
    this.caller = caller;
    this.onEvent = onEvent;
    this.#runtime = runtime;
  }

  get now(): number {
    return this.#runtime.clock.monotonic();
  }

  waits(end: (error: unknown) => void, waiting: boolean): void {
    if (!waiting) this.#waiting.delete(end);
    else if (this.#ended === undefined) this.#waiting.add(end);
    else end(this.#ended);
  }

  over(): void {
    this.active--;
    this.#settleIdle();
  }

  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#settleIdle();
    });
  }

  stop(error: TightbeamError): void {
    this.#ended = error;
    for (const end of [...this.#waiting]) end(error);
  }

  #settleIdle(): void {
    if (this.active > 0 || this.#idle.length === 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

export function createGuarded(options: GuardedOptions): Guarded {
  const { runtime, caller } = options;
  const guard = new Guard(options);
  let last = options.policy?.bind(runtime);

  const ready = (policy: CallPolicy): CallPolicy => {
    if (policy === last) return policy;
    if (!isPolicy(policy)) throw new TightbeamError("invalid_argument", noPolicy);
    last = policy.bind(runtime);
    return policy;
  };

  /** The time that an asynchronous schema takes is part of the operation's. */
  const callLate: typeof callNow = async (policy, how, to, method, encoded, operation) => {
    const start = guard.now;
    const payload = await encoded;
    const timeout = Math.max(timeoutOf(operation) - (guard.now - start), 1);
    return policy.execute(new GuardedCall(guard, how, to, method, payload, { ...operation, timeout }));
  };

  const callNow = (
    policy: CallPolicy,
    how: How,
    to: Route,
    method: Method,
    encoded: ReturnType<Caller["encode"]>,
    operation: NotifyOptions,
  ): Promise<unknown> =>
    encoded instanceof Promise
      ? callLate(policy, how, to, method, encoded, operation)
      : policy.execute(new GuardedCall(guard, how, to, method, encoded, operation));

  const call = (how: How, to: Route, method: Method, input: unknown, operation: NotifyOptions): Promise<unknown> => {
    try {
      const { policy = options.policy } = operation;
      const rest = operation.policy === undefined ? operation : withoutPolicy(operation);
      if (policy === undefined || policy === false) return caller[how](to, method, input, rest);
      ready(policy);
      checkOperation(rest);
      return callNow(policy, how, to, method, caller.encode(method, input), rest);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  return {
    request: (to, method, input, operation) => call("request", to, method, input, operation),
    notify: (to, method, input, operation) => call("notify", to, method, input, operation),
    drain: () => guard.drain(),
    stop: (error) => guard.stop(error),
  };
}

function withoutPolicy(operation: NotifyOptions): NotifyOptions {
  const { policy, ...rest } = operation;
  return policy === undefined ? operation : rest;
}
