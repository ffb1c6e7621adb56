/*
 * Every name that goes to OpenTelemetry. Those without `tightbeam.` are of its Semantic Conventions 1.45.0
 * (https://opentelemetry.io/docs/specs/semconv/, `@opentelemetry/semantic-conventions` 1.45.0): RPC and errors are stable there,
 * messaging is in development, so its names may change with a minor release of this package.
 */

export const conventions = { version: "1.45.0", schemaUrl: "https://opentelemetry.io/schemas/1.45.0" } as const;

/** Of what they call the system, the scope of the instruments, and what stands for a name that has no place of its own. */
export const system = "tightbeam";
export const scope = "@tightbeam/core";
export const other = "_OTHER";

export const attribute = {
  errorType: "error.type",
  rpcSystem: "rpc.system.name",
  rpcMethod: "rpc.method",
  rpcMethodOriginal: "rpc.method_original",
  rpcStatus: "rpc.status_code",
  serverAddress: "server.address",
  messagingSystem: "messaging.system.name",
  messagingOperation: "messaging.operation.name",
  messagingOperationType: "messaging.operation.type",
  messagingDestination: "messaging.destination.name",
  messagingMessageId: "messaging.message.id",
  messagingClientId: "messaging.client.id",

  agent: "tightbeam.agent.id",
  peer: "tightbeam.peer.id",
  peerInstance: "tightbeam.peer.instance",
  /** Of the envelope, before sealing. */
  size: "tightbeam.message.size",
  messageId: "tightbeam.message.id",
  stream: "tightbeam.stream",
  durable: "tightbeam.durable",
  attempt: "tightbeam.attempt",
  direction: "tightbeam.direction",
  state: "tightbeam.state",
  priority: "tightbeam.priority",
  event: "tightbeam.event",
} as const;

export const metric = {
  clientDuration: "rpc.client.call.duration",
  serverDuration: "rpc.server.call.duration",
  sentMessages: "messaging.client.sent.messages",
  consumedMessages: "messaging.client.consumed.messages",
  operationDuration: "messaging.client.operation.duration",
  processDuration: "messaging.process.duration",

  errors: "tightbeam.errors",
  deadLetters: "tightbeam.dead_letters",
  retries: "tightbeam.retries",
  sessions: "tightbeam.sessions",
  security: "tightbeam.security.events",
  links: "tightbeam.links",
  queued: "tightbeam.queue.messages",
  durable: "tightbeam.durable.messages",
  breakers: "tightbeam.breakers",
} as const;

/** s. What the conventions advise for `rpc.*.call.duration` and `messaging.*.duration`. */
export const durationBoundaries: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
