import { createCalls } from "./agent-calls.js";
import { createClosing } from "./agent-closing.js";
import { createHandle } from "./agent-handle.js";
import { announcedOf } from "./agent-limits.js";
import { createStatus } from "./agent-status.js";
import type { Agent, AgentEvent, AgentOptions } from "./agent-types.js";
import { toBase64url } from "./bytes.js";
import { jsonLimitsOf } from "./codec/limits.js";
import type { Contract, Topic } from "./contract/index.js";
import { createIds } from "./envelope/id.js";
import type { Envelope } from "./envelope/types.js";
import { TightbeamError } from "./errors.js";
import * as limits from "./limits.js";
import { createLinks } from "./link/links.js";
import type { Links } from "./link/links-types.js";
import { onDemand } from "./on-demand.js";
import { guardsFor } from "./patterns/admission/guards-on-demand.js";
import { admissionSlot } from "./patterns/admission/slot.js";
import { finishWork } from "./patterns/answering/finish-work.js";
import { createMiddleware } from "./patterns/answering/middleware.js";
import { createReceiver } from "./patterns/answering/receiver.js";
import { serve } from "./patterns/answering/serve.js";
import { createServed } from "./patterns/answering/served.js";
import { createServing } from "./patterns/answering/serving.js";
import { createCaller } from "./patterns/asking/caller.js";
import { type ClientOptions, createClient } from "./patterns/asking/client.js";
import { createGuarded } from "./patterns/asking/guarded.js";
import type { OperationOptions } from "./patterns/asking/operation.js";
import type { AnyTarget } from "./patterns/asking/target.js";
import { checkpointsFor } from "./patterns/checkpoints/checkpoints-on-demand.js";
import { deadLettersFor, noDeadLetters } from "./patterns/dead-letters/dead-letters-on-demand.js";
import { createDurableOnDemand } from "./patterns/durable/durable-on-demand.js";
import type { PatternHost, PatternPart } from "./patterns/host.js";
import { checkIdempotency } from "./patterns/idempotency/load-keyed.js";
import { type FrameSlot, type Inside, setInside } from "./patterns/inside.js";
import { createObserver } from "./patterns/observe.js";
import { createCapabilities } from "./patterns/peers/capabilities.js";
import { createPeers } from "./patterns/peers/peers.js";
import { createRouting } from "./patterns/peers/routing.js";
import { createPresence } from "./patterns/presence/presence.js";
import { createSight } from "./patterns/sight.js";
import { holdingStore, stateFor } from "./patterns/state-on-demand.js";
import { createStreamsOnDemand } from "./patterns/streams/streams-on-demand.js";
import { createSystem } from "./patterns/system.js";
import { createTaps } from "./patterns/taps.js";
import { standing } from "./patterns/telemetry/standing.js";
import { createTelemetry, tracingFor } from "./patterns/telemetry/telemetry-on-demand.js";
import { tellParts } from "./patterns/tell-parts.js";
import { createTopicsOnDemand } from "./patterns/topics/topics-on-demand.js";
import type { EventContext, EventHandler, SubscribeOptions } from "./patterns/topics/types.js";
import { createViews } from "./patterns/view.js";
import { checkOptions } from "./plain-options.js";
import { systemRuntime } from "./runtime/system.js";
import { classicalSuite, hybridSuite } from "./secure/suites.js";
import { createEmitter } from "./telemetry/events.js";

/** Joins the network of `transport` as `identity`. Rejects with `denied`, `closed` or another TransportError when the transport refuses. */
export const createAgent = (options: AgentOptions): Promise<Agent> => holdingStore(options, compose);

async function compose(options: AgentOptions, giveBack: () => void): Promise<Agent> {
  await checkOptions(options);
  const { identity, transport } = options;
  const runtime = options.runtime ?? systemRuntime();
  const goneAfterMs = options.goneAfter ?? limits.goneAfterMs;
  const own = options.limits ?? {};
  const json = jsonLimitsOf(own);
  const announced = announcedOf(own);
  const state = await stateFor({ store: options.store, storeKey: options.storeKey, runtime, owner: identity.id });
  const instance = transport.instance ?? state?.instance ?? toBase64url(runtime.random.bytes(16));
  const ids = createIds(runtime);
  const admission = admissionSlot(runtime, await guardsFor(runtime, options.policy, own.rate), own);
  const middleware = createMiddleware();
  const envelopes = createEmitter<Envelope>();
  const events = createEmitter<AgentEvent>();

  const observe = createObserver(identity.id, json, envelopes);
  const taps = createTaps();
  if (options.tracer !== undefined) taps.tracing = await tracingFor(options.tracer, identity.id);

  const letters = await deadLettersFor({
    options: options.deadLetters,
    state,
    runtime,
    ids,
    json,
    ownId: identity.id,
    trust: options.trust,
    taps,
    find: (target) => links.find(target),
    connect: (...dial) => routing.connect(...dial),
    server: { serve: (...call) => server.serve(...call), cancel: (...call) => server.cancel(...call), linkEnded: (...end) => server.linkEnded(...end) },
    save: (kept, { name, ...rest }) => checkpoints.checkpoint(name, kept, rest),
    onEvent: events.emit,
  });
  const onFailure: PatternHost["onFailure"] = (failure) => events.emit({ type: "handler_failed", ...failure });
  const caller = createCaller({
    runtime,
    ids,
    taps,
    json,
    find: (target) => links.find(target),
    choose: (target) => links.choose(target),
    connect: (...dial) => routing.connect(...dial),
    observe: observe("sent"),
    keep: letters?.sent,
    onMoved: (moved) => events.emit({ type: "moved", ...moved }),
  });
  const { resilience } = options;
  const guarded = createGuarded({ runtime, caller, taps, policy: resilience, onEvent: events.emit });
  const served = createServed({ changed: () => capabilities.changed(), publishes: (topic) => topics.declare(topic, {}) });
  await checkIdempotency(options.idempotency);
  const idempotency = { options: options.idempotency, state };
  const server = createServing({ runtime, ids, taps, json, admission, middleware, served, idempotency, onFailure, observe: observe("sent") });
  const system = createSystem(caller, server);
  const connect: Links["connect"] = (...dial) => links.connect(...dial);
  const presence = createPresence({
    option: options.presence,
    runtime,
    transport,
    identity,
    instance,
    links: { connect, find: (target) => links.find(target) },
    system,
    onEvent: events.emit,
  });
  const capabilities = createCapabilities({ runtime, system });
  capabilities.onChange(({ peer }) => events.emit({ type: "capabilities", peer: peer.id, instance: peer.instance }));
  capabilities.provide("rate", () => admission.guards?.rate);
  capabilities.provide("contracts", () => served.list);
  const peers = createPeers({ runtime, capabilities, presence, kinds: options.kinds, load: options.load });
  const routing = createRouting({ runtime, peers, presence, inFlight: (link) => link.awaited, connect });
  const parts: PatternPart[] = [presence, capabilities, peers, guarded];
  const onRefused: PatternHost["onRefused"] = (refused) => events.emit({ type: "refused", ...refused });
  const frames: FrameSlot = { take: undefined };
  const receive = createReceiver({
    caller,
    server,
    stream: (...opening) => streams.opening(...opening),
    part: (link, delivery) => streams.part(link, delivery),
    event: (...event) => topics.take(...event),
    durable: (link, delivery, header, payload) => durable.take(link, delivery, header, payload),
    frames,
    taps,
    observe: observe("received"),
    letters,
    onRefused,
  });

  const links: Links = await createLinks({
    runtime,
    transport,
    identity,
    trust: options.trust,
    instance,
    suites: options.allowClassical === true ? [hybridSuite, classicalSuite] : [hybridSuite],
    announced,
    goneAfterMs,
    memoryBudgetBytes: own.memoryBudgetBytes ?? limits.memoryBudgetBytes,
    taps,
    onDelivery: receive,
    onEvent: tellParts({ caller, server, parts, emit: events.emit }),
  });

  const host: PatternHost = {
    runtime,
    identity,
    instance,
    ids,
    taps,
    json,
    links: { ...links, connect: routing.connect },
    system,
    capabilities,
    admission,
    presence,
    middleware,
    observe: observe("sent"),
    observed: () => envelopes.listened,
    onFailure,
    onRefused,
  };
  const streams = createStreamsOnDemand(host, server);
  const topics = createTopicsOnDemand(host, events.emit);
  const kept = state === undefined ? undefined : { state, letters: letters?.prepare };
  const durable = createDurableOnDemand({ ...host, server, options: options.durable ?? {}, kept, onEvent: events.emit });
  const checkpoints = checkpointsFor(() => durable.checkpoints);
  parts.push(streams, topics, durable);
  peers.begin();

  const shutDown = async (drain: number): Promise<void> => {
    const left = presence.leave();
    if (drain > 0) await finishWork({ runtime, server, caller, parts, links }, drain);
    const ended = new TightbeamError("closed", "The agent was closed.");
    server.stop(ended);
    for (const part of [...parts]) part.stop?.(ended);
    await Promise.all([left, links.close(), durable.closed()]);
    await letters?.end();
    await Promise.all([transport.close(), state?.close().then(giveBack)]);
  };
  const closing = createClosing(shutDown);

  const status = createStatus({ identity, instance, transport, links, presence, caller, server, streams, durable, letters, policy: resilience });
  const handle = createHandle(streams, server);
  const agent: Agent = {
    id: identity.id,
    instance,
    fallback: server.fallback,
    use: middleware.use,
    handle,
    ...createCalls({ taps, caller, guarded, streams, durable, routing, policy: resilience }),
    forward: async (forwardOptions = noOptions) => (await loadForward()).forward(agent, forwardOptions),
    publish: (topic: Topic | string, value?: unknown, operation: OperationOptions = noOptions) => topics.publish(topic, value, standing(taps, operation)),
    publishes: (topic, publishesOptions = {}) => topics.declare(topic, publishesOptions),
    subscribe: (topic: Topic | string, handler: (event: never, context: EventContext) => unknown, subscribeOptions: SubscribeOptions<never> = {}) =>
      topics.subscribe(topic, handler as EventHandler, subscribeOptions),
    durable: durable.api,
    ...checkpoints,
    topics: topics.topics,
    subscribers: topics.subscribers,
    peer: (target: AnyTarget, contract: Contract, clientOptions?: ClientOptions) => createClient(agent, target, contract, clientOptions) as never,
    deadLetters: letters?.letters ?? noDeadLetters,
    serve: (contract, handlers) => serve({ handle, announce: served.add }, contract, handlers),
    describe: async (describeOptions) =>
      (await descriptions()).describeAgent(
        { id: identity.id, contracts: served.contracts, members: server.members(), rate: admission.guards?.rate },
        describeOptions,
      ),
    onEnvelope: envelopes.on,
    onEvent: events.on,
    ...createSight(createViews(capabilities, peers), peers, routing, links),
    status: () => status(closing.begun),
    telemetry: createTelemetry({ runtime, transport, taps, openedAt: runtime.clock.wall(), onEvent: events.on, onPeer: peers.onChange, closing }),
    ...closing.members,
  };
  const onLink: Inside["onLink"] = (listener) => events.on((event) => void (event.type === "link" && listener(event.link, event.state)));
  await durable.ready().catch(async (error) => {
    await agent.close();
    throw error;
  });
  setInside(agent, { host, parts, frames, messageMaxBytes: announced.maxMessageBytes, onLink });
  return agent;
}

const loadForward = onDemand(() => import("./patterns/via/forward.js"));
const noOptions = Object.freeze({});

const descriptions = onDemand(() => import("./patterns/peers/describe-agent.js"));
