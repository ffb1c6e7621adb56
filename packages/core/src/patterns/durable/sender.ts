import { encodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Method, validate } from "../../contract/index.js";
import type { Ids } from "../../envelope/id.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import { type Lane, lanes } from "../../link/message.js";
import { randomInstance } from "../../transport/instance.js";
import { createDeadlines } from "../asking/deadlines.js";
import { checkOperation, laneOf, type NotifyOptions, timeoutOf } from "../asking/operation.js";
import type { Route } from "../asking/target.js";
import type { RecoveredPeer } from "../checkpoints/types.js";
import type { Patience } from "../waiting.js";
import { createIdleWaiters } from "./idle.js";
import { NewMessage } from "./new-message.js";
import { OutChannel } from "./out-channel.js";
import type { SenderHost } from "./out-host.js";
import { decodeRecord, recordPrefix } from "./out-record.js";
import type { DurableOptions, DurablePeer } from "./types.js";

/** The durable messages of this agent for all its peers. */
export interface Sender {
  /** Settles when the messages of before are counted. Never rejects. */
  readonly loaded: Promise<void>;
  /** What was in the store, once it was read. */
  readonly resumed: Promise<readonly RecoveredPeer[]>;
  /** Resolves when it is in the store. Rejects `invalid_argument`, `overloaded`, `unsupported`, `store_rolled_back`, `too_large`, and what the store rejects. */
  notify(target: Route, method: Method, input: unknown, operation: NotifyOptions): Promise<void>;
  linkUp(link: Link): void;
  linkSuspect(link: Link): void;
  linkEnded(link: Link): void;
  peers(): readonly DurablePeer[];
  /** Messages are given to whoever has the peer's name now, under a new epoch. */
  forget(peer: string): Promise<void>;
  idle(options: Patience): Promise<void>;
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
  const { outboxMax = keptLimits.outboxMax, outboxMaxBytes = keptLimits.outboxMaxBytes } = options;
  const deadlines = createDeadlines(runtime.clock, runtime.timers);
  const channels = new Map<string, OutChannel>();
  /** What was asked for before the messages of before were counted, in order. */
  const waiting = new Map<OutChannel, (() => void)[]>();
  let queued = 0;
  let bytes = 0;
  let unflushed = 0;
  let stopped: TightbeamError | undefined;
  const kept = (): string | undefined =>
    queued === 0 && waiting.size === 0 ? undefined : `${queued} durable ${queued === 1 ? "message was" : "messages were"} not handled yet`;
  const idleWaiters = createIdleWaiters(runtime.timers, kept);

  const host: SenderHost = {
    ...given,
    count(messages, size) {
      queued += messages;
      bytes += size;
      if (queued === 0) idleWaiters.idle();
    },
    pending(size) {
      unflushed += size;
    },
  };

  /** Digests of peers whose entry cannot be read: their numbers would be given again. */
  const broken = new Set<string>();
  for await (const [key, value] of state.scan(recordPrefix)) {
    try {
      const record = decodeRecord(value);
      channels.set(record.peer, new OutChannel(host, record.peer, record));
    } catch (error) {
      broken.add(key.slice(recordPrefix.length));
      host.onDamaged(key, error as TightbeamError);
    }
  }
  for (const { key } of state.damaged) if (key.startsWith(recordPrefix)) broken.add(key.slice(recordPrefix.length));

  const loading = new Set(channels.values());
  const resumed: RecoveredPeer[] = [];

  const load = async (channel: OutChannel): Promise<void> => {
    loading.add(channel);
    try {
      await channel.load();
      const { peer, queued: messages, bytes: size } = channel;
      if (messages > 0) resumed.push({ peer, messages, bytes: size });
    } catch (error) {
      host.onDamaged(recordPrefix + channel.digest, asError(error));
    }
    loading.delete(channel);
    const line = waiting.get(channel) ?? [];
    waiting.delete(channel);
    for (const run of line) run();
  };

  /** One after the other, and nobody waits for it but those who send to that peer. */
  const loadAll = async (): Promise<void> => {
    for (const channel of [...loading]) {
      if (stopped !== undefined) return;
      await load(channel);
    }
  };
  const loaded = loadAll();

  const channelOf = (peer: string): OutChannel => {
    const known = channels.get(peer);
    if (known !== undefined) return known;
    if (broken.size > 0 && broken.has(state.digest(peer)))
      throw new TightbeamError("store_damaged", `What was known of ${peer} cannot be read: agent.durable.forget("${peer}") begins anew.`);
    if (channels.size >= keptLimits.durablePeers) throw new TightbeamError("overloaded", `Durable messages go to at most ${keptLimits.durablePeers} peers.`);
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
    const draft = new NewMessage(host, ids, channel.peer, method, payload, operation);
    const waiter = draft.waiter(resolve, reject);
    try {
      if (stopped !== undefined) throw stopped;
      if (!channel.loaded) throw new TightbeamError("store_failed", `What is kept for ${channel.peer} could not be read: see the event store_damaged.`);
      if (writer.failed !== undefined) throw writer.failed;
      const size = payload?.bytes.length ?? 0;
      const most = Math.min(outboxMaxBytes, keptLimits.durableUnflushedBytes);
      if (size > most) throw new TightbeamError("too_large", `The message has ${size} bytes; a durable one has at most ${most}. Send it in parts.`);
      if (channel.queued >= outboxMax || bytes + size > outboxMaxBytes || unflushed + size > keptLimits.durableUnflushedBytes)
        throw new TightbeamError(
          "overloaded",
          `${channel.queued} durable messages wait for ${channel.peer}, ${bytes} bytes for all: there is no room for more.`,
        );
      const lane: Lane = laneOf(operation, size);
      const message = channel.accept(lane, draft, waiter);
      message.limit(deadlines.limit(timeoutOf(operation), message, operation.signal));
    } catch (error) {
      waiter.reject(asError(error));
    }
  };

  const acceptWhenLoaded = (channel: OutChannel, method: Method, payload: EncodedPayload | undefined, operation: NotifyOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      if (channel.loaded || stopped !== undefined) accept(channel, method, payload, operation, resolve, reject);
      else waitForLoad(channel, () => accept(channel, method, payload, operation, resolve, reject), reject);
    });

  const waitForLoad = (channel: OutChannel, run: () => void, reject: (error: TightbeamError) => void): void => {
    const line = waiting.get(channel) ?? [];
    if (line.length >= keptLimits.durableWindow) return reject(new TightbeamError("overloaded", "What is in the store from before is still being read."));
    waiting.set(channel, [...line, run]);
    // It could not be read before: it is tried again.
    if (!loading.has(channel)) void load(channel);
  };

  return {
    loaded,
    resumed: loaded.then(() => resumed),
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
    linkSuspect: (link) => channels.get(link.peer.id)?.road.linkSuspect(link),
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
    async forget(peer) {
      const digest = state.digest(peer);
      const mended = broken.has(digest)
        ? new OutChannel(host, peer, { peer, epoch: 0, forgot: undefined, bound: undefined, next: zeros, handled: zeros })
        : undefined;
      await mended?.load();
      if (mended !== undefined && broken.delete(digest)) channels.set(peer, mended);
      const channel = channels.get(peer);
      if (channel === undefined) return;
      return new Promise<void>((resolve, reject) => {
        channel.forget(randomInstance(runtime.random));
        writer.add({
          changes: () => [channel.record],
          settled(error) {
            if (error !== undefined) return reject(error);
            channel.pump();
            resolve();
          },
        });
      });
    },
    idle: idleWaiters.add,
    stop(error) {
      stopped = error;
      idleWaiters.end(error);
      for (const line of waiting.values()) for (const run of line) run();
      waiting.clear();
      for (const channel of channels.values()) channel.stop(error);
    },
  };
}

const zeros = lanes.map(() => 0);

const asError = (error: unknown): TightbeamError =>
  isTightbeamError(error) ? error : new TightbeamError("internal", "A durable message could not be made.", { cause: error });
