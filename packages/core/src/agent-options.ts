import type { AgentLimits, AgentOptions } from "./agent-types.js";
import { printable } from "./envelope/grammar.js";
import { TightbeamError } from "./errors.js";
import { isPolicy } from "./patterns/asking/guarded.js";
import type { DurableOptions } from "./patterns/durable/types.js";
import { isAgentId, isInstance } from "./transport/address.js";

/** The type of this table keeps it whole. */
const known: Readonly<Record<keyof AgentOptions, true>> = {
  identity: true,
  trust: true,
  transport: true,
  allowClassical: true,
  goneAfter: true,
  presence: true,
  kinds: true,
  load: true,
  policy: true,
  resilience: true,
  limits: true,
  store: true,
  storeKey: true,
  deadLetters: true,
  durable: true,
  idempotency: true,
  tracer: true,
  runtime: true,
};
const knownLimits: Readonly<Record<keyof AgentLimits, true>> = {
  messageMaxBytes: true,
  jsonMaxBytes: true,
  jsonMaxDepth: true,
  jsonMaxKeys: true,
  intakeCount: true,
  intakeBytes: true,
  memoryBudgetBytes: true,
  running: true,
  queued: true,
  queuedBytes: true,
  rate: true,
};

/** Throws `invalid_argument` for what is missing, broken or unknown. What a pattern alone can judge it judges itself. */
export function checkAgentOptions(options: AgentOptions): void {
  if (!isObject(options)) throw invalid("An agent is made of { identity, trust, transport }.");
  for (const name of Object.keys(options)) if (!Object.hasOwn(known, name)) throw unknown("createAgent", name, known);
  const { identity, trust, transport, runtime, goneAfter, store, limits, durable, resilience, tracer } = options;
  for (const name of ["identity", "trust", "transport", "store"] as const)
    if (isObject(options[name]) && has(options[name], "then")) throw invalid(`\`${name}\` is a promise: await it first.`);
  if (!(isObject(identity) && isObject(identity.key) && has(identity.key, "sign") && has(identity, "token")))
    throw invalid("`identity` says who the agent is: `await authority.enroll(id)`, or an identity of @tightbeam/core/identity.");
  if (!isAgentId(identity.id)) throw invalid("An agent id is [realm/]name, each part 1 to 64 of A-Z a-z 0-9 _ -.");
  if (!(isObject(trust) && has(trust, "verify", "recheck"))) throw invalid("`trust` says whose tokens count: authority.trust() or trust(...).");
  if (!(isObject(transport) && has(transport, "send", "subscribe", "close") && isObject(transport.state) && has(transport.state, "subscribe")))
    throw invalid("`transport` carries the frames: await connectMemory(...), connectWebSocket(...), connectNats(...) or your own.");
  if (!(isObject(transport.closed) && has(transport.closed, "then") && isObject(transport.capabilities)))
    throw invalid("`transport` lacks `closed` or `capabilities`: see docs/writing-a-transport.md.");
  if (transport.instance !== undefined && !isInstance(transport.instance)) throw invalid("The transport's instance is not 22 base64url characters.");
  if (runtime !== undefined && !(isObject(runtime) && isObject(runtime.clock) && isObject(runtime.random) && isObject(runtime.timers)))
    throw invalid("`runtime` is { clock, random, timers }: see @tightbeam/core/runtime.");
  if (goneAfter !== undefined && !(typeof goneAfter === "number" && goneAfter > 0)) throw invalid("`goneAfter` is in ms, more than 0.");
  if (resilience !== undefined && !isPolicy(resilience))
    throw invalid("`resilience` is what policy() of @tightbeam/core/resilience returns. Who may call here is said by `policy`.");
  if (store !== undefined && !(isObject(store) && has(store, "get", "batch", "scan", "close") && isObject(store.capabilities)))
    throw invalid(
      "`store` keeps what outlives the process: createMemoryStore() of @tightbeam/core/store, await openLmdbStore(...) of @tightbeam/store-lmdb, or your own.",
    );
  if (store === undefined && options.storeKey !== undefined) throw invalid("A `storeKey` seals a store: give one with it.");
  if (tracer !== undefined && !(isObject(tracer) && has(tracer, "sending", "receiving")))
    throw invalid("`tracer` is createTracer() of @tightbeam/core/observability, openTelemetry() of @tightbeam/core/opentelemetry, or your own.");
  if (limits !== undefined) checkLimits(limits);
  if (durable !== undefined) checkDurable(durable);
}

const knownDurable: Readonly<Record<keyof DurableOptions, true>> = { maxDeliveries: true, rebindAfter: true, outboxMax: true, outboxMaxBytes: true };

function checkDurable(durable: DurableOptions): void {
  if (!isObject(durable)) throw invalid(`\`durable\` is an object of ${Object.keys(knownDurable).join(", ")}.`);
  for (const [name, value] of Object.entries(durable)) {
    if (!Object.hasOwn(knownDurable, name)) throw unknown("durable", name, knownDurable);
    const least = name === "maxDeliveries" ? 1 : 0;
    if (value !== undefined && !(typeof value === "number" && Number.isSafeInteger(value) && value >= least))
      throw invalid(`durable.${name} is a whole number of at least ${least}.`);
  }
}

function checkLimits(limits: AgentLimits): void {
  if (!isObject(limits)) throw invalid(`\`limits\` is an object of ${Object.keys(knownLimits).join(", ")}.`);
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(knownLimits, name)) throw unknown("limits", name, knownLimits);
    if (name !== "rate" && value !== undefined && !(typeof value === "number" && Number.isSafeInteger(value) && value >= 0))
      throw invalid(`limits.${name} is a whole number.`);
  }
}

const isObject = (value: unknown): value is object => (typeof value === "object" || typeof value === "function") && value !== null;

const has = (value: object, ...names: readonly string[]): boolean => names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");

const unknown = (where: string, name: string, all: object): TightbeamError =>
  invalid(`${where} has no option '${printable(name.slice(0, 40))}'. Its options are ${Object.keys(all).join(", ")}.`);

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
