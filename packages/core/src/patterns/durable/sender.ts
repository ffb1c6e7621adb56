import { encodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Method, validate } from "../../contract/index.js";
import type { Ids } from "../../envelope/id.js";
import { durableBytes } from "../../envelope/layout.js";
import type { OutgoingHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Lane } from "../../link/message.js";
import { randomInstance } from "../../transport/instance.js";
import { createDeadlines } from "../deadlines.js";
import { checkOperation, laneOf, type NotifyOptions, timeoutOf } from "../operation.js";
import type { Route } from "../target.js";
import { OutChannel } from "./out-channel.js";
import { makeEntry } from "./out-entry.js";
import type { SenderHost } from "./out-host.js";
import { decodeRecord, recordPrefix } from "./out-record.js";
import type { DurableOptions, DurablePeer } from "./types.js";

/** The durable messages of this agent for all its peers. */
export interface Sender {
  /** Resolves when it is in the store. Rejects `invalid_argument`, `overloaded`, `unsupported`, `store_rolled_back`, `too_large`, and what the store rejects. */
  notify(target: Route, method: Method, input: unknown, operation: NotifyOptions): Promise<void>;
  linkUp(link: Link): void;
  linkEnded(link: Link): void;
  peers(): readonly DurablePeer[];
  /** Messages are given to whoever has the peer's name now, under a new epoch. */
  forget(peer: string): Promise<void>;
  idle(): Promise<void>;
  stop(error: TightbeamError): void;
}

export interface SenderOptions extends Omit<SenderHost, "count" | "pending"> {
  readonly ids: Ids;
  readonly json: JsonLimits;
  readonly options: DurableOptions;
}

/** Reads which peers there are messages for. Rejects what the store rejects. */
export async function createSender({ ids, json, options, ...given }: SenderOptions): Promise<Sender> {
  const { runtime, state, writer } = given;
  const { outboxMax = limits.outboxMax, outboxMaxBytes = limits.outboxMaxBytes } = options;
  const deadlines = createDeadlines(runtime.clock, runtime.timers);
  const channels = new Map<string, OutChannel>();
  /** What was asked for before the messages of before were counted, in order. */
  const waiting = new Map<OutChannel, (() => void)[]>();
  let queued = 0;
  let bytes = 0;
  let unflushed = 0;
  let stopped: TightbeamError | undefined;
  let idleWaiters: (() => void)[] = [];

  const host: SenderHost = {
    ...given,
    count(messages, size) {
      queued += messages;
      bytes += size;
      if (queued > 0 || idleWaiters.length === 0) return;
      const waiters = idleWaiters;
      idleWaiters = [];
      for (const waiter of waiters) waiter();
    },
    pending(size) {
      unflushed += size;
    },
  };

  for await (const [key, value] of state.scan(recordPrefix)) {
    try {
      const record = decodeRecord(value);
      channels.set(record.peer, new OutChannel(host, record.peer, record));
    } catch (error) {
      host.onDamaged(key, error as TightbeamError);
    }
  }

  /** One after the other, and nobody waits for it but those who send to that peer. */
  const loadAll = async (): Promise<void> => {
    for (const channel of [...channels.values()]) {
      if (stopped !== undefined) return;
      try {
        await channel.load();
      } catch (error) {
        host.onDamaged(recordPrefix + channel.digest, asError(error));
      }
      for (const run of waiting.get(channel) ?? []) run();
      waiting.delete(channel);
    }
  };
  void loadAll();

  const channelOf = (peer: string): OutChannel => {
    const known = channels.get(peer);
    if (known !== undefined) return known;
    if (channels.size >= limits.durablePeers) throw new TightbeamError("overloaded", `Durable messages go to at most ${limits.durablePeers} peers.`);
    const made = new OutChannel(host, peer);
    channels.set(peer, made);
    return made;
  };

  const accept = (
    channel: OutChannel,
    method: Method,
    payload: EncodedPayload | undefined,
    operation: NotifyOptions,
    resolve: () => void,
    reject: (error: TightbeamError) => void,
  ): void => {
    try {
      if (stopped !== undefined) throw stopped;
      if (writer.failed !== undefined) throw writer.failed;
      const size = payload?.bytes.length ?? 0;
      if (channel.queued >= outboxMax || bytes + size > outboxMaxBytes || unflushed + size > limits.durableUnflushedBytes)
        throw new TightbeamError(
          "overloaded",
          `${channel.queued} durable messages wait for ${channel.peer}, ${bytes} bytes for all: there is no room for more.`,
        );
      const lane: Lane = laneOf(operation, size);
      const make = (number: number, floor: number): Uint8Array => {
        const value = entryFor(method, payload, operation, number, floor);
        if (value.length > state.capabilities.maxValueBytes)
          throw new TightbeamError("too_large", `The message has ${value.length} bytes; the store takes at most ${state.capabilities.maxValueBytes}.`);
        return value;
      };
      const message = channel.accept(lane, make, { confirm: operation.confirm, resolve, reject });
      message.limit(deadlines.limit(timeoutOf(operation), message, operation.signal));
    } catch (error) {
      reject(asError(error));
    }
  };

  const entryFor = (method: Method, payload: EncodedPayload | undefined, operation: NotifyOptions, number: number, floor: number): Uint8Array => {
    const now = runtime.clock.wall();
    const { ttl, idempotencyKey, headers, priority = "normal" } = operation;
    const header: { -readonly [name in keyof OutgoingHeader]: OutgoingHeader[name] } = {
      type: "notification",
      id: ids.bytes(now),
      timestamp: now,
      priority,
      method: method.name,
      durable: { number, floor, again: false },
    };
    if (ttl !== undefined) header.ttl = ttl;
    if (idempotencyKey !== undefined) header.idempotencyKey = idempotencyKey;
    if (headers !== undefined) header.headers = headers;
    const envelope = encodeEnvelope(header, payload);
    const at = envelope.length - (payload?.bytes.length ?? 0) - durableBytes;
    return makeEntry(envelope, at, ttl === undefined ? 0 : now + ttl);
  };

  const acceptWhenLoaded = (channel: OutChannel, method: Method, payload: EncodedPayload | undefined, operation: NotifyOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      const run = (): void => accept(channel, method, payload, operation, resolve, reject);
      if (channel.loaded) return run();
      const line = waiting.get(channel) ?? [];
      if (line.length >= limits.durableWindow) return reject(new TightbeamError("overloaded", "What is in the store from before is still being read."));
      waiting.set(channel, [...line, run]);
    });

  return {
    notify(target, method, input, operation) {
      try {
        checkOperation(operation);
        if (target.kind !== undefined || target.instance !== undefined)
          throw new TightbeamError("invalid_argument", "A durable message goes to an agent, whichever of its instances has its store: give the id alone.");
        const channel = channelOf(target.id);
        if (method.input === undefined) return acceptWhenLoaded(channel, method, encodePayload(input, json), operation);
        const checked = validate(method.input, input, "input");
        if (!(checked instanceof Promise)) return acceptWhenLoaded(channel, method, encodePayload(input, json), operation);
        return checked.then(() => acceptWhenLoaded(channel, method, encodePayload(input, json), operation));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    linkUp: (link) => channels.get(link.peer.id)?.road.linkUp(link),
    linkEnded: (link) => channels.get(link.peer.id)?.road.linkEnded(link),
    peers: () =>
      [...channels.values()].map((channel) => ({
        peer: channel.peer,
        queued: channel.queued,
        inFlight: channel.inFlight,
        bytes: channel.bytes,
        store: channel.bound?.store,
        epoch: channel.epoch,
        blocked: channel.road.reason,
      })),
    forget: (peer) =>
      new Promise((resolve, reject) => {
        const channel = channels.get(peer);
        if (channel === undefined) return resolve();
        channel.forget(randomInstance(runtime.random));
        writer.add({
          changes: [channel.record],
          settled(error) {
            if (error !== undefined) return reject(error);
            channel.pump();
            resolve();
          },
        });
      }),
    idle: () =>
      new Promise((resolve) => {
        if (queued === 0 && waiting.size === 0) return resolve();
        idleWaiters.push(resolve);
      }),
    stop(error) {
      stopped = error;
      for (const line of waiting.values()) for (const run of line) run();
      waiting.clear();
      for (const channel of channels.values()) channel.stop(error);
    },
  };
}

const asError = (error: unknown): TightbeamError =>
  isTightbeamError(error) ? error : new TightbeamError("internal", "A durable message could not be made.", { cause: error });
