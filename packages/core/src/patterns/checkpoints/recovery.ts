import type { JsonLimits } from "../../codec/limits.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { State } from "../../store/state.js";
import type { DamagedEntry } from "../../store/types.js";
import { decodeHead, headPrefix } from "../dead-letters/entry.js";
import type { BookHost } from "../durable/book.js";
import { decodeRecord, recordPrefix } from "../idempotency/record.js";
import { checkpointPrefix, decodeCheckpoint, decodeKept } from "./entry.js";
import { lookAt } from "./reading.js";
import type { Checkpoint, RecoveredCheckpoint, RecoveredPeer, RecoveredSender, RecoveryEvent, RecoveryReport } from "./types.js";

/** What the durable part of an agent has read already. */
export interface DurableFound {
  /** Settles when all of it was read. */
  readonly resumed: Promise<readonly RecoveredPeer[]>;
  readonly senders: readonly RecoveredSender[];
  readonly interrupted: number;
  readonly damaged: () => readonly DamagedEntry[];
}

export interface RecoveryHost {
  readonly runtime: Runtime;
  readonly state: State;
  readonly books: BookHost;
  readonly json: JsonLimits;
  readonly durable: DurableFound;
  readonly onEvent: (event: RecoveryEvent) => void;
}

export interface Recovery {
  report(): Promise<RecoveryReport>;
  /** `report` rejects with this unless it is there. */
  stop(error: TightbeamError): void;
  /** Settles when the store is no longer read. */
  ended(): Promise<void>;
}

/** Entries that are read before something else may run. */
const atOnce = 64;
/** Behind all messages, which were read before. */
const outbox = "out/";
const behindOutbox = "out0";

/** Reads all that is in the store, beside what the agent does meanwhile, and tells what was there when it began. */
export function beginRecovery(host: RecoveryHost): Recovery {
  const { runtime, state, durable } = host;
  const startedAt = runtime.clock.wall();
  const damaged = new Map<string, TightbeamError>();
  const names = new Set<string>();
  let letters = 0;
  let keys = 0;
  let stopped: TightbeamError | undefined;

  const turn = (): Promise<void> => new Promise((resolve) => runtime.timers.turn(resolve));

  const note = (key: string, error: unknown): void => {
    if (!isTightbeamError(error)) throw error;
    if (damaged.size < keptLimits.recoveryDamaged) damaged.set(key, error);
  };

  const read = (key: string, value: Uint8Array): void => {
    try {
      if (key.startsWith(recordPrefix)) keys += decodeRecord(value).at <= startedAt ? 1 : 0;
      else if (key.startsWith(headPrefix)) {
        const id = key.slice(headPrefix.length);
        decodeHead(id, value);
        // Numbered by the clock.
        letters += Number.parseInt(id, 16) <= startedAt ? 1 : 0;
      } else if (key.startsWith(checkpointPrefix)) {
        const depth = key.split("/").length;
        if (depth === 2) names.add(decodeKept(key, value).name);
        else if (depth === 3) names.add(decodeCheckpoint(key, value).head.name);
      }
    } catch (error) {
      note(key, error);
    }
  };

  const readAll = async (): Promise<void> => {
    let after: string | undefined;
    let count = 0;
    do {
      const from = after;
      after = undefined;
      for await (const [key, value] of state.scan("", from === undefined ? {} : { after: from })) {
        if (stopped !== undefined) throw stopped;
        if (key.startsWith(outbox)) {
          after = behindOutbox;
          break;
        }
        read(key, value);
        if (++count % atOnce === 0) await turn();
      }
    } while (after !== undefined);
  };

  const readCheckpoints = async (): Promise<RecoveredCheckpoint[]> => {
    const found: RecoveredCheckpoint[] = [];
    for (const name of names) {
      if (stopped !== undefined) throw stopped;
      const { kept, damaged: entries } = await lookAt(state, host.books, host.json, name);
      for (const { key, error } of entries) note(key, error);
      const [newest] = kept;
      if (newest !== undefined) found.push({ name, newest: withoutParts(newest), kept: kept.length });
      await turn();
    }
    return found;
  };

  const look = async (): Promise<RecoveryReport> => {
    await turn();
    await readAll();
    const checkpoints = await readCheckpoints();
    const resumed = await durable.resumed;
    if (stopped !== undefined) throw stopped;
    for (const { key, error } of [...state.damaged, ...durable.damaged()]) note(key, error);
    const report: RecoveryReport = {
      store: state.id,
      incarnation: state.incarnation,
      clean: state.closedCleanly,
      resumed,
      senders: durable.senders,
      interrupted: durable.interrupted,
      deadLetters: letters,
      idempotencyKeys: keys,
      checkpoints,
      damaged: [...damaged].map(([key, error]) => ({ key, error })),
      damagedCount: Math.max(damaged.size, state.damagedCount),
    };
    host.onEvent({ type: "recovered", report });
    return report;
  };

  const report = look().catch((error: unknown) => {
    if (stopped !== undefined) throw stopped;
    throw isTightbeamError(error) ? error : new TightbeamError("store_failed", "What is in the store could not be read.", { cause: error });
  });
  const ended = report.then(
    () => undefined,
    () => undefined,
  );
  return {
    report: () => report,
    stop(error) {
      stopped ??= error;
    },
    ended: () => ended,
  };
}

const withoutParts = ({ number, at, bytes }: Checkpoint): Checkpoint => ({ number, at, bytes });
