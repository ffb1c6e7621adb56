// In the order of the data path: the application's words first, the pieces it hands in after them.
export { createAgent } from "./agent.js";
export type { Agent, AgentEvent, AgentLimits, AgentLink, AgentOptions, AgentPeer, AgentStatus, PeerEvent } from "./agent-types.js";
export {
  type HandledStreamChunk,
  type HandledStreamInput,
  type HandledStreamOutput,
  type HandledStreamUp,
  type Stream,
  type StreamChunk,
  type StreamInput,
  type StreamOptions,
  type StreamOutput,
  type StreamUp,
  stream,
} from "./contract/index.js";
export type {
  StreamArguments,
  StreamCall,
  StreamCallOf,
  StreamCallOptions,
  StreamContext,
  StreamHandleOptions,
  StreamHandler,
} from "./patterns/streams/types.js";
export { type ReceivedTopicEvent, type Topic, type TopicEvent, topic } from "./contract/index.js";
export {
  type Contract,
  type ContractDescription,
  type ContractMember,
  type ContractMembers,
  type ContractOptions,
  contract,
  type DescribeOptions,
  describe,
  type HandlerInput,
  type HandlerOutput,
  type JsonSchema,
  type MemberDescription,
  type Method,
  type MethodInput,
  type MethodOptions,
  type MethodOutput,
  method,
  type SchemaDescription,
} from "./contract/index.js";
export type { BroadcastClient, Client, ClientOptions, MethodArguments } from "./patterns/asking/client.js";
export type { AgentDescription } from "./patterns/peers/describe-agent.js";
export type { NotifyOptions, OperationOptions, RequestOptions } from "./patterns/asking/operation.js";
export type { HandshakeCounters } from "./secure/types.js";
export type { AnyStrategy, BroadcastTarget, KindTarget, Outcome, Strategy, Target, TargetOf } from "./patterns/asking/target.js";
export type { PeerOutcome } from "./patterns/peers/route.js";
export type { PeerStream } from "./patterns/peers/route.js";
export type { PresenceEvent, PresenceOption, PresenceState, PresenceStatus } from "./patterns/presence/presence.js";
export type { AdmissionLimits } from "./patterns/admission/admission.js";
export type { PlacesLimits } from "./patterns/admission/places.js";
export type { Policy, PolicyPeer } from "./patterns/admission/policy.js";
export type { IncomingCall, Middleware, Next } from "./patterns/answering/middleware.js";
export type { BreakerEvent, CallPolicy, PolicyEvent, RetriedEvent, RetryRefusedEvent } from "./resilience/types.js";
export type { Rate } from "./resilience/token-bucket.js";
export type { ContractHandlers, HandleOptionsOf, HandlerOf, MethodHandler, NoOthers } from "./patterns/answering/serve.js";
export type { Capabilities, Claims, ServedContract } from "./patterns/peers/hello.js";
export type { Forwarding, ForwardingStatus } from "./patterns/via/forward.js";
export type { ForwardingLimits, ForwardOptions } from "./patterns/via/options.js";
export type {
  EventContext,
  PublishArguments,
  PublishesOptions,
  SlowPolicy,
  SubscribeOptions,
  SubscriberStatus,
  Subscription,
  TopicEventReport,
  TopicStatus,
} from "./patterns/topics/types.js";
export type {
  DeadLetter,
  DeadLetterContents,
  DeadLetterEvent,
  DeadLetterFilter,
  DeadLetterOptions,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterSide,
  DeadLetterStatistics,
  DeadLetters,
  ReplayOptions,
  ReplayReport,
} from "./patterns/dead-letters/types.js";
export type { AgentDurable, DurableEvent, DurableOptions, DurablePeer, DurableStatus } from "./patterns/durable/types.js";
export type { IdempotencyOptions } from "./patterns/idempotency/types.js";
export type {
  AgentCheckpoints,
  Checkpoint,
  CheckpointEvent,
  CheckpointOptions,
  CommitOptions,
  RecoveredCheckpoint,
  RecoveredPeer,
  RecoveredSender,
  RecoveryEvent,
  RecoveryReport,
  RestoreOptions,
  SnapshotOptions,
} from "./patterns/checkpoints/types.js";
export type { HandlerContext } from "./patterns/answering/context.js";
export type { HandleOptions } from "./patterns/answering/handlers.js";
export type { DurableNumber, Envelope, EnvelopeHeader, EnvelopeType, Headers, Priority, StreamOpening, WireError } from "./envelope/types.js";
export type { LinkState, LinkStatus, LinkTarget } from "./link/link-types.js";
export type { StoreKey } from "./store/sealed.js";
export type { DamagedEntry, Store } from "./store/types.js";
export { createAuthority } from "./identity/authority.js";
export type { Authority } from "./identity/authority-types.js";
export { trust } from "./identity/trust.js";
export type { Identity, Trust } from "./identity/types.js";
export { type ErrorCode, errorCodes, isErrorCode, isTightbeamError, TightbeamError } from "./errors.js";
export type {
  AgentMoment,
  AgentTelemetry,
  LateTelemetry,
  BreakerMoment,
  LinkMoment,
  MessageMoment,
  MessageStage,
  PeerMoment,
  RetryMoment,
  SecurityMoment,
  SessionMoment,
  TelemetryEvent,
  TelemetryPeer,
  TelemetryWishes,
  FollowedMessage,
  MessageFollower,
} from "./telemetry/types.js";
export type { TraceContext } from "./telemetry/trace-context.js";
export type { Span, SpanStart, Tracer } from "./telemetry/tracer.js";
