import type { StoreChange } from "@tightbeam/core/store";
import { TightbeamError } from "@tightbeam/core/store";
import { type Checkpointing, checkpoint, type LogEnd } from "./checkpoint.js";
import { type Change, cutRecords, encodeChanges } from "./record.js";
import { messageOverheadBytes, type Room } from "./room.js";

/** Batches, in the order in which they are given: together into the log, from there into the view, and every now and then a checkpoint. */
export interface Writer {
  batch(changes: readonly StoreChange[]): Promise<void>;
  /** Settles when everything given is settled and no checkpoint is under way. */
  idle(): Promise<void>;
}

export interface WriterOptions extends Omit<Checkpointing, "stopped"> {
  readonly room: Room;
  readonly maxEntries: number;
  readonly limits: LogLimits;
  /** The log as it was found. */
  readonly end: LogEnd;
  readonly logBytes: number;
  readonly logRecords: number;
  closed(): boolean;
}

interface Batch {
  readonly bytes: Uint8Array;
  readonly changes: readonly Change[];
  readonly grows: boolean;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/** A group of batches takes no more once it has this many bytes. */
const groupBytes = 256 * 1024;
interface LogSize {
  readonly bytes: number;
  readonly records: number;
}

export interface LogLimits {
  /** A checkpoint begins. */
  readonly soft: LogSize;
  /** Batches wait for it: this bounds the memory for what is in the log, and what opening reads. */
  readonly most: LogSize;
}

export const defaultLimits: LogLimits = { soft: { bytes: 4 * 1024 * 1024, records: 1024 }, most: { bytes: 32 * 1024 * 1024, records: 4096 } };
export const batchMaxBytes = 16 * 1024 * 1024;
const queueMaxBytes = 16 * 1024 * 1024;

export function createWriter(options: WriterOptions): Writer {
  const { chain, layout, view, wire, room, closed, maxEntries, limits } = options;
  const queue: Batch[] = [];
  let queueBytes = 0;
  let { number, sequence } = options.end;
  let log = { bytes: options.logBytes, records: options.logRecords };
  /** Bytes that a checkpoint is carrying over. */
  let carried = 0;
  let flushing: Promise<void> | undefined;
  let checkpointing: Promise<boolean> | undefined;

  const reaches = (bound: LogSize): boolean => log.bytes >= bound.bytes || log.records >= bound.records;
  /** Resolves with whether the log is shorter now. */
  const shorten = (): Promise<boolean> => {
    checkpointing ??= run().finally(() => {
      checkpointing = undefined;
    });
    return checkpointing;
  };
  const run = async (): Promise<boolean> => {
    const before = log;
    const end = { number, sequence };
    log = { bytes: 0, records: 0 };
    carried = before.bytes;
    const done = await checkpoint({ ...options, stopped: closed }, end).catch(() => false);
    if (done) await room.look().catch(() => undefined);
    else log = { bytes: log.bytes + before.bytes, records: log.records + before.records };
    carried = 0;
    return done;
  };

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const group = await next();
      if (group.length === 0) continue;
      try {
        for (const record of cutRecords(
          group.map(({ bytes }) => bytes),
          wire.maxPayload - messageOverheadBytes,
        )) {
          sequence = await chain.append(layout.logOf(number + 1), record);
          number += 1;
          log.bytes += record.length;
          log.records += 1;
          room.added(record.length);
        }
      } catch (error) {
        for (const batch of group) batch.reject(error);
        if (!closed()) void shorten();
        continue;
      }
      for (const batch of group) {
        view.apply(batch.changes);
        batch.resolve();
      }
      if (reaches(limits.soft) && !closed()) void shorten();
    }
  };
  /** The batches that go together now. What finds no room is rejected here. */
  const next = async (): Promise<Batch[]> => {
    while (reaches(limits.most) && !closed() && chain.failed === undefined) {
      if (await shorten()) continue;
      const batch = shift();
      batch?.reject(chain.failed ?? full("the bucket has no room to carry over what its log holds"));
      return [];
    }
    const group: Batch[] = [];
    for (let bytes = 0; bytes < groupBytes; ) {
      const batch = shift();
      if (batch === undefined) break;
      if (batch.grows && view.keys.size + added(batch) > maxEntries) batch.reject(full(`it holds ${maxEntries} entries (\`maxEntries\`)`));
      else if (batch.grows && !(await room.fits(batch.bytes.length, bytes + log.bytes + carried).catch(() => true))) {
        batch.reject(full("the bucket's max_bytes are used up"));
        if (log.records > 0) void shorten();
      } else {
        group.push(batch);
        bytes += batch.bytes.length;
      }
    }
    return group;
  };
  const added = ({ changes }: Batch): number => changes.filter(([key, value]) => value !== undefined && !view.keys.has(key)).length;
  const shift = (): Batch | undefined => {
    const batch = queue.shift();
    if (batch !== undefined) queueBytes -= batch.bytes.length;
    return batch;
  };
  const start = (): void => {
    flushing ??= Promise.resolve()
      .then(flush)
      .finally(() => {
        flushing = undefined;
        if (queue.length > 0) start();
      });
  };

  if (reaches(limits.soft)) void shorten();

  return {
    batch(given) {
      const { bytes, changes } = encodeChanges(given);
      if (bytes.length > batchMaxBytes)
        return Promise.reject(new TightbeamError("too_large", `The batch has ${bytes.length} bytes; this store takes at most ${batchMaxBytes} at once.`));
      if (chain.failed !== undefined) return Promise.reject(chain.failed);
      if (queueBytes > 0 && queueBytes + bytes.length > queueMaxBytes)
        return Promise.reject(
          new TightbeamError("unavailable", "The server has not confirmed 16 MiB of earlier batches. Nothing of this one is done; try again."),
        );
      return new Promise((resolve, reject) => {
        queue.push({ bytes, changes, grows: changes.some(([, value]) => value !== undefined), resolve, reject });
        queueBytes += bytes.length;
        start();
      });
    },
    async idle() {
      while (flushing !== undefined || checkpointing !== undefined) await Promise.allSettled([flushing, checkpointing]);
    },
  };
}

const full = (why: string): TightbeamError => new TightbeamError("store_full", `The store is full: ${why}. Nothing of the batch is done.`);
