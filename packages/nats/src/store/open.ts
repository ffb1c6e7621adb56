import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import { type AwaitUsing, awaitUsing, checkChanges, checkKeyPrefix, type Store, TightbeamError } from "@tightbeam/core/store";
import { type BucketOptions, durabilityOf, openBucket, randomWriter } from "./bucket.js";
import { createChain } from "./chain.js";
import { isJetStreamConnection, type JetStreamConnection } from "./connection.js";
import { storeError } from "./failure.js";
import { createJetStream, idHeader } from "./jetstream.js";
import { createLayout } from "./layout.js";
import { defaultLease, encodeLock, keepAlive, leaseMaxMs, locked, taken, untilFree } from "./lock.js";
import { createReader } from "./reader.js";
import { recover } from "./recover.js";
import { createRoom, messageOverheadBytes } from "./room.js";
import { createView } from "./view.js";
import { createWire } from "./wire.js";
import { batchMaxBytes, createWriter, defaultLimits, type LogLimits } from "./writer.js";

export interface NatsStoreOptions extends BucketOptions {
  /** A connection of `@nats-io/nats-core` 3 (`connect` of `@nats-io/transport-node`, `wsconnect`) or of `nats` 2.29. It stays yours; give it `maxReconnectAttempts: -1`. */
  readonly connection: JetStreamConnection;
  /** The bucket: 1 to 64 of `A-Z a-z 0-9 _ -`. One agent, one bucket. */
  readonly name: string;
  /** ms of silence after which the holder counts as dead and another process may take the store over. 200 to 600,000; default 10,000. */
  readonly lease?: number | undefined;
  /** ms for one answer of the server. Default 5,000. */
  readonly timeout?: number | undefined;
  /** The server is configured with `sync_interval: always`: what it confirmed survives a power cut. Default false. */
  readonly syncAlways?: boolean | undefined;
  /** At most so many entries, about 300 bytes of memory each. Default 1,000,000; beyond it `store_full`. */
  readonly maxEntries?: number | undefined;
  /** Time and randomness. Default: the machine's. */
  readonly runtime?: Runtime | undefined;
}

/** The type of this table keeps it whole. */
const known: Readonly<Record<keyof NatsStoreOptions, true>> = {
  connection: true,
  name: true,
  lease: true,
  timeout: true,
  syncAlways: true,
  maxEntries: true,
  storage: true,
  replicas: true,
  maxBytes: true,
  create: true,
  runtime: true,
};
const smallestValueBytes = 256 * 1024;
const largestValueBytes = 8 * 1024 * 1024;

/**
 * A store in a JetStream key-value bucket: shared state, which another machine can take over. One process has it at a time; one that lost it, by being silent
 * for longer than its lease, can write nothing more (`store_failed`).
 *
 * While the server is away batches wait for as long as the connection tries to come back, up to 16 MiB of them (then `unavailable`), and reads wait for
 * `timeout`. When the connection is closed the store has failed.
 *
 * Rejects `invalid_argument`, `store_locked` (another process has it), `unsupported` (no JetStream, a bucket that forgets by itself, a `max_payload` too small),
 * `denied` and `store_read_only` (permissions), `store_full`, `store_too_new`, `store_damaged`, `unavailable`.
 */
export const openNatsStore = (options: NatsStoreOptions): Promise<Store & AwaitUsing> => openWith(options, defaultLimits);

/** The same with other limits of the log. */
export async function openWith(options: NatsStoreOptions, limits: LogLimits): Promise<Store & AwaitUsing> {
  for (const option of Object.keys(options))
    if (!Object.hasOwn(known, option)) throw invalid(`openNatsStore has no option '${option.slice(0, 40)}'. Its options are ${Object.keys(known).join(", ")}.`);
  const { connection, name, runtime = systemRuntime() } = options;
  if (!isJetStreamConnection(connection)) throw invalid("`connection` is a connection of a NATS client: what its connect() resolves with.");
  if (connection.isClosed()) throw invalid("`connection` is closed already.");
  const lease = whole("lease", options.lease ?? defaultLease, 200, leaseMaxMs);
  const timeoutMs = whole("timeout", options.timeout ?? 5_000, 1, 600_000);
  const maxEntries = whole("maxEntries", options.maxEntries ?? 1_000_000, 1, 100_000_000);
  const layout = createLayout(name);

  const writerId = randomWriter(runtime);
  const wire = createWire(connection, runtime, timeoutMs);
  const api = createJetStream(wire, layout);
  let release = async (): Promise<void> => undefined;
  try {
    const info = await openBucket(api, layout, options);
    const maxValueBytes = valueBytes(wire.maxPayload, info.config.max_msg_size);
    const free = await untilFree(api, layout, info, runtime);
    let floor = free.floor;
    let opened = false;
    const chain = createChain({ api, wire, writer: writerId, last: free.last, patient: () => opened, taken: () => (opened ? taken() : locked()) });
    const writeLock = (held: boolean): Promise<number> => chain.append(layout.lock, encodeLock({ held, lease, floor }));
    const mine = await writeLock(true);
    release = async () => void (await writeLock(false).catch(() => undefined));
    if (!(await api.message({ seq: mine })).headers.includes(`${idHeader}: ${writerId}.`))
      throw new TightbeamError("unsupported", "This NATS client does not send headers as its earlier versions do; nothing would keep two processes apart.");
    const stop = keepAlive(chain, lease, runtime, () => writeLock(true));
    release = async () => {
      stop();
      await writeLock(false).catch(() => undefined);
    };

    const view = createView();
    const found = await recover(api, layout, view, floor);
    floor = found.floor;
    if (chain.failed !== undefined) throw chain.failed;
    opened = true;
    let closing: Promise<void> | undefined;
    const writer = createWriter({
      api,
      wire,
      chain,
      layout,
      view,
      room: createRoom(api, info.config.max_bytes, info.bytes),
      maxEntries,
      limits,
      ...found,
      setFloor(number) {
        floor = number;
        return writeLock(true);
      },
      closed: () => closing !== undefined,
    });
    const check = (): void => {
      if (closing !== undefined) throw new TightbeamError("closed", "The store is closed.");
      if (chain.failed !== undefined) throw chain.failed;
    };
    const reader = createReader({ api, wire, view, runtime, timeoutMs, check, prove: () => writeLock(true) });
    const close = async (): Promise<void> => {
      const done = writer.idle().then(release);
      await Promise.race([done, new Promise<void>((resolve) => void runtime.timers.after(timeoutMs, resolve, { background: true }))]);
      stop();
      chain.fail(new TightbeamError("closed", "The store is closed."));
      wire.close();
    };

    return awaitUsing<Store & AwaitUsing>({
      capabilities: { durability: durabilityOf(info.config, options.syncAlways === true), maxValueBytes },
      async get(key) {
        check();
        return reader.get(key);
      },
      async batch(changes) {
        check();
        checkChanges(changes, Math.min(maxValueBytes, wire.maxPayload - messageOverheadBytes));
        await writer.batch(changes);
      },
      scan(prefix, scanOptions) {
        checkKeyPrefix(prefix);
        return reader.scan(prefix, scanOptions);
      },
      close() {
        closing ??= Promise.resolve().then(close);
        return closing;
      },
    });
  } catch (error) {
    await release();
    wire.close();
    throw storeError(error, `Could not open the store ${name}`);
  }
}

/** What one message can carry. */
function valueBytes(maxPayload: number, maxMessage: unknown): number {
  const limit = typeof maxMessage === "number" && maxMessage > 0 ? Math.min(maxPayload, maxMessage) : maxPayload;
  const room = Math.min(largestValueBytes, batchMaxBytes, limit - messageOverheadBytes);
  if (room < smallestValueBytes)
    throw new TightbeamError(
      "unsupported",
      `The server takes messages of at most ${limit} bytes; a store needs ${smallestValueBytes + messageOverheadBytes}. Raise max_payload (and the bucket's max_msg_size).`,
    );
  return room;
}

function whole(name: string, value: number, least: number, most: number): number {
  if (!Number.isSafeInteger(value) || value < least || value > most) throw invalid(`\`${name}\` is a whole number from ${least} to ${most}.`);
  return value;
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
