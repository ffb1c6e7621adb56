import type { EncodedPayload } from "../../codec/types.js";
import type { Method } from "../../contract/index.js";
import { TightbeamError } from "../../errors.js";
import type { AgentPolicy, CallPolicy, CallPool, PolicyEvent, CallWay as Way } from "../../resilience/types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { PatternPart } from "../host.js";
import type { Taps } from "../taps.js";
import { tries } from "../telemetry/standing.js";
import type { Caller } from "./caller-types.js";
import { checkOperation, type NotifyOptions, type RequestOptions, timeoutOf } from "./operation.js";
import type { Route } from "./target.js";

type GuardedCaller = Pick<Caller, "request" | "notify" | "encode" | "requestEncoded" | "notifyEncoded">;

export interface GuardedOptions {
  readonly runtime: Runtime;
  readonly caller: GuardedCaller;
  readonly taps: Pick<Taps, "tracing">;
  readonly onEvent: (event: PolicyEvent) => void;
  /** The agent's own policy. */
  readonly policy: CallPolicy | undefined;
}

type CallWay = Way<Route, Method, EncodedPayload | undefined, NotifyOptions>;

/** Requests and notifications under a policy. */
export interface Guarded extends Required<Pick<PatternPart, "drain" | "stop">> {
  request(to: Route, method: Method, input: unknown, operation: RequestOptions): Promise<unknown>;
  notify(to: Route, method: Method, input: unknown, operation: NotifyOptions): Promise<unknown>;
}

export const isPolicy = (value: unknown): value is AgentPolicy => typeof (value as AgentPolicy | null | undefined)?.pool === "function";

export const noPolicy = "A call's policy is what policy() of @tightbeam/core/resilience returns, or false.";

/** What policies need of an agent. The rest of their code comes with them. */
export function createGuarded({ caller, taps, policy: own, runtime, onEvent }: GuardedOptions): Guarded {
  const { clock } = runtime;
  let last = own?.bind(runtime);
  let ways: { readonly request: CallWay; readonly notify: CallWay } | undefined;

  const waysOf = (pool: CallPool) => ({ request: { pool, send: caller.requestEncoded }, notify: { pool, send: caller.notifyEncoded } });

  const call = (how: "request" | "notify", to: Route, method: Method, input: unknown, operation: NotifyOptions): Promise<unknown> => {
    try {
      const { policy = own } = operation;
      if (policy === undefined || policy === false) return caller[how](to, method, input, operation);
      if (!isPolicy(policy)) throw new TightbeamError("invalid_argument", noPolicy);
      if (policy !== last) last = policy.bind(runtime);
      checkOperation(operation, true);
      const options = taps.tracing === undefined ? operation : { ...operation, [tries]: { last: undefined } };
      ways ??= waysOf(policy.pool(onEvent));
      const encoded = caller.encode(method, input);
      if (encoded instanceof Promise) return callLate(policy, ways[how], to, method, encoded, options);
      return policy.call(ways[how], to, method, encoded, options);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  /** The time that an asynchronous schema takes is part of the operation's. */
  const callLate = async (
    policy: AgentPolicy,
    way: CallWay,
    to: Route,
    method: Method,
    encoded: Promise<EncodedPayload | undefined>,
    operation: NotifyOptions,
  ): Promise<unknown> => {
    const start = clock.monotonic();
    const payload = await encoded;
    const timeout = Math.max(timeoutOf(operation) - (clock.monotonic() - start), 1);
    return policy.call(way, to, method, payload, { ...operation, timeout });
  };

  return {
    request: (to, method, input, operation) => call("request", to, method, input, operation),
    notify: (to, method, input, operation) => call("notify", to, method, input, operation),
    drain: () => ways?.request.pool.drain() ?? Promise.resolve(),
    stop: (error) => ways?.request.pool.stop(error),
  };
}
