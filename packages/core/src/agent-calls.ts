import type { Agent } from "./agent-types.js";
import { type Method, methodNamed, type Stream, streamNamed } from "./contract/index.js";
import type { LinkTarget } from "./link/link-types.js";
import type { Caller } from "./patterns/asking/caller-types.js";
import type { Guarded } from "./patterns/asking/guarded.js";
import type { NotifyOptions, RequestOptions } from "./patterns/asking/operation.js";
import { type AnyTarget, isBroadcast, toTarget } from "./patterns/asking/target.js";
import type { DurableOnDemand } from "./patterns/durable/durable-on-demand.js";
import type { Routing } from "./patterns/peers/routing.js";
import type { Streams } from "./patterns/streams/streams.js";
import type { StreamCallOptions } from "./patterns/streams/types.js";
import type { Taps } from "./patterns/taps.js";
import { standing } from "./patterns/telemetry/standing.js";
import type { CallPolicy } from "./resilience/types.js";

interface Parts {
  readonly taps: Taps;
  readonly caller: Caller;
  readonly guarded: Guarded;
  readonly streams: Streams;
  readonly durable: DurableOnDemand;
  readonly routing: Routing;
  readonly policy: CallPolicy | undefined;
}

/** What an agent asks of others: whom it is for, and how it is to go, decide which of its parts asks. */
export function createCalls({ taps, caller, guarded, streams, durable, routing, policy }: Parts): Pick<Agent, "request" | "notify" | "stream"> {
  const toMethod = (method: Method | string): Method => (typeof method === "string" ? methodNamed(method) : method);
  // Apart: what a closure shares is made when the function around it begins, and every call goes through those below.
  const atAll = (target: unknown, how: "request" | "notify", method: Method | string, input: unknown, operation: NotifyOptions): Promise<unknown> => {
    const { policy: own = policy ?? false, ...rest } = operation;
    return routing.broadcast(target, rest, (one, each) => guarded[how](one, toMethod(method), input, { ...each, policy: own }));
  };
  return {
    stream: (target: AnyTarget, contract: Stream | string, input?: unknown, given: StreamCallOptions = noOptions) => {
      const options = standing(taps, given);
      const open = (to: LinkTarget | undefined) => streams.open(to, typeof contract === "string" ? streamNamed(contract) : contract, input, options);
      return (isBroadcast(target) ? routing.streams(target, options, open) : open(toTarget(target))) as never;
    },
    request: (target: AnyTarget, method: Method | string, input?: unknown, given: RequestOptions = noOptions) => {
      const operation = standing(taps, given);
      const to = toTarget(target);
      if (to === undefined) return atAll(target, "request", method, input, operation) as Promise<never>;
      const calls = policy === undefined && operation.policy === undefined ? caller : guarded;
      return calls.request(to, toMethod(method), input, operation) as Promise<never>;
    },
    notify: (target: AnyTarget, method: Method | string, input?: unknown, given: NotifyOptions = noOptions) => {
      const operation = standing(taps, given);
      const to = toTarget(target);
      if (operation.durable ?? (method as Method).durable) return durable.notify(to, toMethod(method), input, operation) as Promise<never>;
      if (to === undefined) return atAll(target, "notify", method, input, operation) as Promise<never>;
      const calls = policy === undefined && operation.policy === undefined ? caller : guarded;
      return calls.notify(to, toMethod(method), input, operation) as Promise<never>;
    },
  };
}

const noOptions = Object.freeze({});
