import {
  type Contract,
  type ContractMember,
  checkContract,
  type Method,
  type MethodInput,
  type MethodOutput,
  type ReceivedTopicEvent,
  type Stream,
  type Topic,
} from "../../contract/index.js";
import { TightbeamError } from "../../errors.js";
import type { CallPolicy } from "../../resilience/types.js";
import type { PeerOutcome, PeerStream } from "../peers/route.js";
import type { StreamArguments, StreamCall, StreamCallOf, StreamCallOptions } from "../streams/types.js";
import type { EventContext, EventHandler, SubscribeOptions, Subscription } from "../topics/types.js";
import { isPolicy, noPolicy } from "./guarded.js";
import type { NotifyOptions, RequestOptions } from "./operation.js";
import { type AnyTarget, invalidTarget, isBroadcast, type Target, toTarget } from "./target.js";

/** The input may be left out where the contract says nothing of it. */
export type MethodArguments<T extends Method | string, Options> =
  undefined extends MethodInput<T> ? [input?: MethodInput<T>, options?: Options] : [input: MethodInput<T>, options?: Options];

/** The keys of what is a method, a stream, a topic. */
export type MembersOf<C extends Contract, Kind extends ContractMember["kind"]> = {
  [Key in keyof C["methods"]]: C["methods"][Key]["kind"] extends Kind ? Key : never;
}[keyof C["methods"]];

/** A contract's methods at one target, each as a function: what `Agent.request` and the others do, with the target, the names and the types filled in. */
export type Client<C extends Contract> = {
  readonly [Key in MembersOf<C, "method">]: C["methods"][Key] extends infer T extends Method
    ? (...rest: MethodArguments<T, RequestOptions>) => Promise<MethodOutput<T>>
    : never;
} & {
  readonly [Key in MembersOf<C, "stream">]: C["methods"][Key] extends infer T extends Stream ? (...rest: StreamArguments<T>) => StreamCallOf<T> : never;
} & {
  /** The same methods, as `Agent.notify` calls them. */
  readonly notify: {
    readonly [Key in MembersOf<C, "method">]: C["methods"][Key] extends infer T extends Method
      ? (...rest: MethodArguments<T, NotifyOptions>) => Promise<void>
      : never;
  };
  /** Each topic's events of this agent: what `Agent.subscribe` does with `from`. Not there for a target that is a kind. */
  readonly subscribe: {
    readonly [Key in MembersOf<C, "topic">]: C["methods"][Key] extends infer T extends Topic
      ? (
          handler: (event: ReceivedTopicEvent<T>, context: EventContext) => unknown,
          options?: Omit<SubscribeOptions<ReceivedTopicEvent<T>>, "from">,
        ) => Promise<Subscription>
      : never;
  };
};

/** The methods and streams at all peers of a kind: what each of them answered. */
export type BroadcastClient<C extends Contract> = {
  readonly [Key in MembersOf<C, "method">]: C["methods"][Key] extends infer T extends Method
    ? (...rest: MethodArguments<T, RequestOptions>) => Promise<readonly PeerOutcome<MethodOutput<T>>[]>
    : never;
} & {
  readonly [Key in MembersOf<C, "stream">]: C["methods"][Key] extends infer T extends Stream
    ? (...rest: StreamArguments<T>) => Promise<readonly PeerStream<StreamCallOf<T>>[]>
    : never;
} & {
  readonly notify: {
    readonly [Key in MembersOf<C, "method">]: C["methods"][Key] extends infer T extends Method
      ? (...rest: MethodArguments<T, NotifyOptions>) => Promise<readonly PeerOutcome<void>[]>
      : never;
  };
};

/** What a client calls: an agent. */
export interface Calls {
  request(target: Target, method: Method, input: unknown, options?: RequestOptions): Promise<unknown>;
  notify(target: Target, method: Method, input: unknown, options?: NotifyOptions): Promise<void>;
  stream(target: Target, stream: Stream, input?: unknown, options?: StreamCallOptions): StreamCall;
  subscribe(topic: Topic, handler: EventHandler, options?: SubscribeOptions): Promise<Subscription>;
}

export interface ClientOptions {
  /** For every request and notification of this client that does not name its own: instead of the agent's `resilience`. */
  readonly policy?: CallPolicy | false | undefined;
}

type Call = (input: unknown, options?: NotifyOptions) => unknown;

/** Throws `invalid_argument` for what is no target or no contract. */
export function createClient<C extends Contract>(calls: Calls, target: AnyTarget, contract: C, clientOptions: ClientOptions = {}): Client<C> {
  const to = target as Target;
  const withPolicy = policyOf(clientOptions);
  if (!isBroadcast(target) && toTarget(to) === undefined) throw invalidTarget();
  const { methods } = checkContract(contract);
  const from = publisherOf(to);
  const client: Record<string, Call> = {};
  const notify: Record<string, Call> = {};
  const subscribe: Record<string, (handler: EventHandler, options?: SubscribeOptions) => unknown> = {};
  for (const [key, member] of Object.entries(methods)) {
    if (member.kind === "method") {
      client[key] = (input, options) => calls.request(to, member, input, withPolicy(options));
      notify[key] = (input, options) => calls.notify(to, member, input, withPolicy(options));
    } else if (member.kind === "stream") client[key] = (input, options) => calls.stream(to, member, input, options);
    else if (member.kind === "topic" && from !== undefined) subscribe[key] = (handler, options) => calls.subscribe(member, handler, { ...options, from });
  }
  const more = from === undefined ? {} : { subscribe: Object.freeze(subscribe) };
  return Object.freeze({ ...client, notify: Object.freeze(notify), ...more }) as Client<C>;
}

function policyOf({ policy, ...unknown }: ClientOptions): (options: NotifyOptions | undefined) => NotifyOptions | undefined {
  for (const name of Object.keys(unknown)) throw new TightbeamError("invalid_argument", `A client has no option '${name.slice(0, 40)}'. Its option is policy.`);
  if (policy === undefined) return (options) => options;
  if (policy !== false && !isPolicy(policy)) throw new TightbeamError("invalid_argument", noPolicy);
  const alone = Object.freeze({ policy });
  return (options) => (options === undefined ? alone : { policy, ...options });
}

/** Whose events a client gets: an agent's. Undefined where it is not known who that will be. */
function publisherOf(target: Target): readonly string[] | undefined {
  const id = typeof target === "string" ? target : "id" in target ? target.id : undefined;
  return id === undefined ? undefined : [id];
}
