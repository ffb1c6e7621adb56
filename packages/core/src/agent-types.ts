import type { Contract, DescribeOptions, Method, MethodOutput, ReceivedTopicEvent, Stream, Topic } from "./contract/index.js";
import type { AwaitUsing } from "./disposable.js";
import type { Envelope } from "./envelope/types.js";
import type { TightbeamError } from "./errors.js";
import type { Identity, Trust } from "./identity/types.js";
import type { LinkStatus } from "./link/link-types.js";
import type { LinksEvent } from "./link/links-types.js";
import type { AdmissionLimits } from "./patterns/admission/admission.js";
import type { Policy } from "./patterns/admission/policy.js";
import type { HandlerContext } from "./patterns/answering/context.js";
import type { Middleware } from "./patterns/answering/middleware.js";
import type { ContractHandlers, HandleOptionsOf, HandlerOf, NoOthers } from "./patterns/answering/serve.js";
import type { BroadcastClient, Client, ClientOptions, MethodArguments } from "./patterns/asking/client.js";
import type { NotifyOptions, RequestOptions } from "./patterns/asking/operation.js";
import type { AnyStrategy, Outcome, Target, TargetOf } from "./patterns/asking/target.js";
import type { AgentCheckpoints, CheckpointEvent, RecoveryEvent } from "./patterns/checkpoints/types.js";
import type { DeadLetterEvent, DeadLetterOptions, DeadLetters } from "./patterns/dead-letters/types.js";
import type { AgentDurable, DurableEvent, DurableOptions } from "./patterns/durable/types.js";
import type { IdempotencyOptions } from "./patterns/idempotency/types.js";
import type { AgentDescription } from "./patterns/peers/describe-agent.js";
import type { PeerOutcome, PeerStream } from "./patterns/peers/route.js";
import type { PresenceEvent, PresenceOption, PresenceStatus } from "./patterns/presence/presence.js";
import type { StreamArguments, StreamCallOf } from "./patterns/streams/types.js";
import type {
  EventContext,
  PublishArguments,
  PublishesOptions,
  SubscribeOptions,
  SubscriberStatus,
  Subscription,
  TopicEventReport,
  TopicStatus,
} from "./patterns/topics/types.js";
import type { Forwarding } from "./patterns/via/forward.js";
import type { ForwardOptions } from "./patterns/via/options.js";
import type { AgentLink, AgentPeer } from "./patterns/view.js";
import type { CallPolicy, CircuitStatus, PolicyEvent } from "./resilience/types.js";
import type { Runtime } from "./runtime/runtime.js";
import type { HandshakeCounters } from "./secure/types.js";
import type { StoreKey } from "./store/sealed.js";
import type { Store } from "./store/types.js";
import type { Tracer } from "./telemetry/tracer.js";
import type { LateTelemetry } from "./telemetry/types.js";
import type { Transport } from "./transport/transport.js";

export type { AgentLink, AgentPeer } from "./patterns/view.js";

export interface AgentOptions {
  readonly identity: Identity;
  readonly trust: Trust;
  /** The agent owns it from here on and closes it with itself. */
  readonly transport: Transport;
  /** Also speak the classical suite with peers that have no post-quantum one. Default false. */
  readonly allowClassical?: boolean | undefined;
  /** ms of silence after which a peer instance counts as gone. Default 30,000. */
  readonly goneAfter?: number | undefined;
  /** How it tells others that it is there, once it has something to say or to look for. `{ every: 10_000 }` by default. */
  readonly presence?: PresenceOption | undefined;
  /** What this agent is to those who look for one: `["summarizer"]`. Names, at most 32; they count as far as its token permits: `serve:summarizer`. */
  readonly kinds?: readonly string[] | undefined;
  /** How much it has to do, in calls or jobs, from 0. Asked every second; told to peers when it changed by more than a tenth. */
  readonly load?: (() => number) | undefined;
  readonly limits?: AgentLimits | undefined;
  /** What this agent keeps beyond its process. Its own from here on: closed with it. */
  readonly store?: Store | undefined;
  /** Seals what is in the store: 32 random bytes, kept elsewhere. Needed unless the store is in memory. */
  readonly storeKey?: StoreKey | undefined;
  /** How messages that will not be tried again are kept: `agent.deadLetters`. On by default with a store; without one `{}` keeps them in memory. False: none. */
  readonly deadLetters?: DeadLetterOptions | false | undefined;
  /** How durable messages are sent and taken. */
  readonly durable?: DurableOptions | undefined;
  /** How replies are kept for calls that are repeated under their `idempotencyKey`: in the store, or in memory. False: every call runs, and handlers tell by the key. */
  readonly idempotency?: IdempotencyOptions | false | undefined;
  /** Who may call, publish and subscribe here. `"token"`: what the peer's token permits. A function: what it answers `true` to. Default: every authenticated peer may do everything. */
  readonly policy?: Policy | undefined;
  /** How this agent's own requests and notifications are tried again, and when not at all: `policy(...)` of @tightbeam/core/resilience. Default: once. */
  readonly resilience?: CallPolicy | undefined;
  /** Gives what this agent sends and handles its place in a trace: createTracer() of @tightbeam/core/observability, openTelemetry() of @tightbeam/core/opentelemetry. */
  readonly tracer?: Tracer | undefined;
  readonly runtime?: Runtime | undefined;
}

/** Local bounds. What is over one is refused with `too_large`, `not_serialisable` or `overloaded`, on the side whose bound it is. */
export interface AgentLimits extends AdmissionLimits {
  /** Bytes of a message, sent or received. Default 64 MiB. */
  readonly messageMaxBytes?: number | undefined;
  /** Bytes of a JSON payload as text; a `Uint8Array` is bound by `messageMaxBytes` alone. Default 1 MiB. */
  readonly jsonMaxBytes?: number | undefined;
  /** Objects and arrays inside one another. Default 64. */
  readonly jsonMaxDepth?: number | undefined;
  /** Object keys in a whole JSON payload. Default 10,000. */
  readonly jsonMaxKeys?: number | undefined;
  /** Calls of one link that are open here: they wait or run. Default 4,096. */
  readonly intakeCount?: number | undefined;
  /** Bytes of those. Default 16 MiB. */
  readonly intakeBytes?: number | undefined;
  /** Bytes that all links may hold together: queues, windows, what came in parts. Default 256 MiB. */
  readonly memoryBudgetBytes?: number | undefined;
}
/** `gone`: it said goodbye, missed three hints and does not answer, or the link ended. */
export interface PeerEvent {
  readonly type: "up" | "changed" | "gone";
  readonly peer: AgentPeer;
}

export interface AgentStatus {
  readonly id: string;
  readonly instance: string;
  readonly transport: "up" | "down" | "closed";
  /** What its transport calls itself, for people: "memory", "websocket", "nats". */
  readonly medium: string | undefined;
  /** It takes work: its transport is up, and it is not closing. */
  readonly ready: boolean;
  readonly links: readonly LinkStatus[];
  readonly handshakes: HandshakeCounters;
  readonly presence: PresenceStatus;
  /** Requests that wait for an answer, handlers that run, what waits for its turn here, and answers that nothing waited for any more. */
  readonly calls: { readonly waiting: number; readonly running: number; readonly queued: number; readonly late: number };
  /** Streams that go on, opened here and served here. */
  readonly streams: { readonly opened: number; readonly served: number };
  readonly memory: { readonly used: number; readonly most: number };
  /** Of the agent's own policy (`resilience`): breakers that let not everything through. At most 100. */
  readonly breakers: readonly Pick<CircuitStatus, "peer" | "method" | "state">[];
  /** Durable messages for all peers that are not handled yet, and those of peers that are worked on here. */
  readonly durable: { readonly queued: number; readonly inFlight: number; readonly bytes: number; readonly receiving: number };
  /** Letters there are, and the room they take. Undefined for an agent that keeps none. */
  readonly deadLetters: { readonly count: number; readonly bytes: number } | undefined;
}

export type AgentEvent =
  | LinksEvent
  | PresenceEvent
  | TopicEventReport
  | PolicyEvent
  | DeadLetterEvent
  | DurableEvent
  | CheckpointEvent
  | RecoveryEvent
  | { readonly type: "handler_failed"; readonly id: string; readonly method: string; readonly peer: string; readonly error: unknown }
  /** A peer said what it can do, or that this has changed: `link.peer.capabilities`. */
  | { readonly type: "capabilities"; readonly peer: string; readonly instance: string }
  | { readonly type: "refused"; readonly peer: string; readonly error: TightbeamError }
  /** A request was sent again, to another instance: the one that had it left, and it could not do anything twice. */
  | { readonly type: "moved"; readonly id: string; readonly method: string; readonly peer: string; readonly from: string; readonly to: string };

/** A program with an id, an identity and handlers, linked to others end to end. */
export interface Agent extends AgentCheckpoints, AwaitUsing {
  readonly id: string;
  /** This process of the agent: 22 base64url characters. */
  readonly instance: string;
  /**
   * Answers a method, or a stream: with a generator that yields chunks, or a function that reads `context.source`; what it returns is the output.
   * Throws `invalid_argument` when it is answered already. Returns a function that ends it.
   */
  // One signature, so that what does not fit is told where it stands. `Handler` is a parameter of its own: without it TypeScript takes a literal that is returned, such as `{ type: "done" }`, for any text.
  handle<T extends Method | Stream | string, Handler extends HandlerOf<T>>(method: T, handler: Handler, options?: HandleOptionsOf<T>): () => void;
  /** Handles what has no handler: `context.method` says what was asked. Throws `invalid_argument` when there is one already. Returns a function that ends it. */
  fallback(handler: (input: unknown, context: HandlerContext) => unknown): () => void;
  /** Puts a middleware before every handler, after those that are there. Returns a function that takes it out. */
  use(middleware: Middleware): () => void;
  /**
   * Asks with a method, or its name, also that of a contract's as it travels: `search.find@2`. Rejects with what the peer's handler failed with,
   * `timeout`, `no_answer`, `no_handler`, `delivery_unknown` and the other codes of docs/errors.md. With `{ kind, strategy: "broadcast" }` all
   * that serve a kind are asked, and it resolves with what became of it at each.
   */
  // One signature, here too: of several TypeScript would tell what is wrong with those that were not meant.
  request<T extends Method | string, How extends AnyStrategy | undefined = AnyStrategy | undefined>(
    target: TargetOf<How>,
    method: T,
    ...inputAndOptions: MethodArguments<T, RequestOptions>
  ): Promise<Outcome<NoInfer<How>, MethodOutput<T>, readonly PeerOutcome<MethodOutput<T>>[]>>;
  /** Runs the same handler and drops its result. Resolves when the message is in the window or the next record has room for it, or as `confirm` says. */
  notify<T extends Method | string, How extends AnyStrategy | undefined = AnyStrategy | undefined>(
    target: TargetOf<How>,
    method: T,
    ...inputAndOptions: MethodArguments<T, NotifyOptions>
  ): Promise<Outcome<NoInfer<How>, void, readonly PeerOutcome<void>[]>>;
  /**
   * Opens a stream, and returns it at once: iterate over it for what the handler says, and see `StreamCall` for the rest. It goes on through
   * reconnects and new sessions. What is wrong with the arguments, too, is what it ends with. A broadcast is a promise of one for each.
   */
  stream<T extends Stream | string, How extends AnyStrategy | undefined = AnyStrategy | undefined>(
    target: TargetOf<How>,
    stream: T,
    ...inputAndOptions: StreamArguments<T>
  ): Outcome<NoInfer<How>, StreamCallOf<T>, Promise<readonly PeerStream<StreamCallOf<T>>[]>>;
  /** Carries frames between agents that are linked with this one (`connectThrough` of `@tightbeam/core/via`), without reading them. Throws `invalid_argument`. */
  forward(options?: ForwardOptions): Promise<Forwarding>;
  /**
   * Gives an event to every subscriber. Resolves when each of their queues had room for it, or they were too slow (`publishes` says what
   * happens then). Rejects with `timeout` when none of that came in time, `overloaded` when too many were not waited for.
   */
  publish<T extends Topic | string>(topic: T, ...eventAndOptions: PublishArguments<T>): Promise<void>;
  /** Declares that this agent publishes a topic, before its first event and with other settings. Returns a function that ends it. */
  publishes(topic: Topic | string, options?: PublishesOptions): () => void;
  /**
   * Gets the events of a topic, or of all that a pattern matches: `*` is one segment, `>` the rest. One event after the other: a handler that
   * returns a promise gets the next one when that has settled. A publisher delivers everything it publishes once it has answered (`ready`).
   */
  subscribe<T extends Topic | string>(
    topic: T,
    handler: (event: ReceivedTopicEvent<T>, context: EventContext) => unknown,
    options?: SubscribeOptions<ReceivedTopicEvent<T>>,
  ): Promise<Subscription>;
  /** Durable messages: those this agent keeps for its peers, and those of its peers that it works on. */
  readonly durable: AgentDurable;
  /** What this agent publishes. */
  topics(): readonly TopicStatus[];
  /** Who gets the events of a topic from this agent. */
  subscribers(topic: Topic | string): readonly SubscriberStatus[];
  /** A contract's methods at a target, as functions: `agent.peer("alice", search).find({ text })`. They do what `request`, `notify` and the others do. Throws `invalid_argument` for what is no target or no contract. */
  peer<C extends Contract, How extends AnyStrategy | undefined = AnyStrategy | undefined>(
    target: TargetOf<How>,
    contract: C,
    options?: ClientOptions,
  ): Outcome<NoInfer<How>, Client<C>, BroadcastClient<C>>;
  /**
   * Answers all methods of a contract, and says so to peers; other versions of it may be served beside. Its topics are declared as published:
   * for other settings than `publishes` has by default, call that before. Throws `invalid_argument` where a handler
   * misses or is too much, or one of the methods is answered already; then nothing is served. Returns a function that ends it.
   */
  serve<C extends Contract, Handlers extends ContractHandlers<C>>(contract: C, handlers: Handlers & NoInfer<NoOthers<Handlers, C>>): () => void;
  /** What this agent serves, as data: each method, stream and topic with its JSON Schemas. */
  describe(options?: DescribeOptions): Promise<AgentDescription>;
  /** Messages that will not be tried again: see `createAgent({ deadLetters })`. */
  readonly deadLetters: DeadLetters;
  /** What this agent does, as it does it: links, sessions, messages from stage to stage, refusals. Costs nothing while nobody listens. See docs/telemetry.md. */
  readonly telemetry: LateTelemetry;
  /** Sees every envelope, sent and received, with its payload decoded; changes nothing. What agents say on their own account is among them: methods that begin with `tb/`. */
  onEnvelope(listener: (envelope: Envelope) => void): () => void;
  /** Links, handshakes, failures of handlers. */
  onEvent(listener: (event: AgentEvent) => void): () => void;
  /** The link to a peer; dials when there is none. */
  link(peer: Target, options?: { readonly timeout?: number | undefined; readonly signal?: AbortSignal | undefined }): Promise<AgentLink>;
  links(id?: string): readonly AgentLink[];
  /** Who is there now, of a kind or all. Looks for agents that serve from the first call on: see docs/presence.md. */
  peers(filter?: { readonly kind?: string | undefined }): readonly AgentPeer[];
  /** Told when peers come, change and go. Looks for them as `peers` does. */
  onPeer(listener: (event: PeerEvent) => void): () => void;
  status(): AgentStatus;
  /** Ends links, handlers' signals and the transport. With `drain` (ms) it first leaves its group, refuses new calls, which callers take to another instance, and waits that long for running handlers, pending requests and unacknowledged messages. */
  close(options?: { readonly drain?: number | undefined }): Promise<void>;
}
