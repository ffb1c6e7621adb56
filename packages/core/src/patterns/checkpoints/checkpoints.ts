import { encodePayload } from "../../codec/index.js";
import type { EncodedPayload } from "../../codec/types.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { checkKnown } from "../../known-options.js";
import type { Book, HeldMessage } from "../durable/book.js";
import { isCheckpointName, versionKey } from "./entry.js";
import type { CheckpointsHost, MarkedBook } from "./host.js";
import { Line } from "./line.js";
import { readKept, readState } from "./reading.js";
import { createSnapshots } from "./snapshots.js";
import type { AgentCheckpoints, CheckpointOptions, CommitOptions, RestoreOptions } from "./types.js";

/** The states of an agent with a store. */
export interface Checkpoints extends Omit<AgentCheckpoints, "recover"> {
  /** Keeps a state in one batch with the mark of this message. */
  commit(book: Book, message: HeldMessage, state: unknown, options: CommitOptions & { readonly name: string }): Promise<void>;
  /** Takes the last snapshots; what comes later is refused. */
  stop(error: TightbeamError): void;
  /** Settles when nothing waits to be written. */
  idle(): Promise<void>;
}

export function createCheckpoints(host: CheckpointsHost): Checkpoints {
  const { state, json, runtime, writer } = host;
  const books = { writer, timers: runtime.timers, random: runtime.random, now: () => runtime.clock.wall() };
  const lines = new Map<string, Line>();
  const adding = new Set<Promise<void>>();
  /** To `checkpoint` that are not flushed. */
  let calls = 0;
  let stopped: TightbeamError | undefined;

  /** Throws `invalid_argument`, `overloaded`, `closed`. */
  const lineOf = (name: string): Line => {
    if (!isCheckpointName(name)) throw invalid(`The name of a checkpoint is 1 to ${keptLimits.checkpointNameMax} printable characters.`);
    if (stopped !== undefined) throw stopped;
    const known = lines.get(name);
    if (known !== undefined) return known;
    if (lines.size >= keptLimits.checkpointNames)
      throw new TightbeamError("overloaded", `An agent uses at most ${keptLimits.checkpointNames} names of checkpoints.`);
    const line = new Line(host, name);
    lines.set(name, line);
    return line;
  };

  const keep = async (name: string, value: unknown, options: CheckpointOptions, marks: () => readonly MarkedBook[]): Promise<void> => {
    const { keep: count = keptLimits.checkpointsKept, ...unknown } = options;
    checkKnown("checkpoint()", unknown, ["keep"]);
    if (!(Number.isInteger(count) && count >= 1 && count <= keptLimits.checkpointsKeptMax))
      throw invalid(`A checkpoint's \`keep\` is 1 to ${keptLimits.checkpointsKeptMax}.`);
    const line = lineOf(name);
    const added = line.add(encode(value), count, marks());
    adding.add(added);
    await added.finally(() => adding.delete(added));
  };

  const encode = (value: unknown): EncodedPayload => {
    const payload = encodePayload(value, json);
    if (payload === undefined) throw invalid("A state is a JSON value or a Uint8Array, not undefined.");
    if (payload.bytes.length > keptLimits.checkpointBytesMax)
      throw new TightbeamError("too_large", `A state has at most ${keptLimits.checkpointBytesMax} bytes, not ${payload.bytes.length}.`);
    return payload.kind === "bytes" ? { kind: "bytes", bytes: payload.bytes.slice() } : payload;
  };

  /** Told each time, as whoever asks may not have listened before. */
  const report = (key: string, error: unknown): TightbeamError => {
    if (!isTightbeamError(error) || error.code !== "store_damaged") throw error;
    host.onDamaged(key, error);
    return error;
  };

  const restore = async (name: string, { number, orEarlier = false, ...unknown }: RestoreOptions): Promise<unknown> => {
    checkKnown("restore()", unknown, ["number", "orEarlier"]);
    if (number !== undefined && !(Number.isSafeInteger(number) && number > 0)) throw invalid("The number of a checkpoint is a whole number from 1.");
    const line = lineOf(name);
    await line.load();
    if (line.damaged !== undefined && !orEarlier && number === undefined) throw report(line.damaged.key, line.damaged.error);
    let failed = line.damaged?.error;
    for (const kept of line.kept) {
      if (number !== undefined && (orEarlier ? kept.number > number : kept.number !== number)) continue;
      try {
        return await readState(state, books, json, name, line.digest, kept.number);
      } catch (error) {
        // It may have made room for a newer one meanwhile.
        if (!(await isKept(line, kept.number))) return restore(name, { orEarlier, ...(number !== undefined && { number }) });
        failed = report(versionKey(line.digest, kept.number), error);
        if (!orEarlier) throw error;
      }
    }
    if (failed !== undefined) throw failed;
    return undefined;
  };

  const isKept = async ({ name, digest }: Line, number: number): Promise<boolean> => {
    const now = await readKept(state, name, digest);
    return now.damaged !== undefined || now.kept.some((each) => each.number === number);
  };

  /** Commits are as many as the messages that are worked on, at most. */
  const checkpoint = async (name: string, value: unknown, options: CheckpointOptions): Promise<void> => {
    if (calls >= keptLimits.checkpointsWaiting) throw new TightbeamError("overloaded", `${calls} checkpoints wait to be written: wait for them.`);
    calls++;
    await keep(name, value, options, host.settled).finally(() => calls--);
  };

  const snapshots = createSnapshots({ runtime, keep: checkpoint, onFailed: host.onFailed });

  return {
    checkpoint: (name, value, options = {}) => checkpoint(name, value, options),
    commit: (entry, message, value, { name, ...options }) => keep(name, value, options, () => [{ entry, items: [message] }]),
    restore: <State>(name: string, options: RestoreOptions = {}) => restore(name, options) as Promise<State | undefined>,
    checkpoints: async (name) => {
      const line = lineOf(name);
      await line.load();
      if (line.damaged !== undefined) throw report(line.damaged.key, line.damaged.error);
      return line.kept.map(({ number, at, bytes }) => ({ number, at, bytes }));
    },
    snapshots: snapshots.begin,
    stop(error) {
      snapshots.stop();
      stopped = error;
      for (const line of lines.values()) line.stop(error);
    },
    idle: async () => void (await Promise.allSettled([...adding])),
  };
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
