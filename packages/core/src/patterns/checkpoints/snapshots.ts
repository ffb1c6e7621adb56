import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { checkKnown } from "../../known-options.js";
import type { Runtime } from "../../runtime/runtime.js";
import { isCheckpointName } from "./entry.js";
import type { AgentCheckpoints, CheckpointOptions } from "./types.js";

export interface SnapshotsOptions {
  readonly runtime: Runtime;
  readonly keep: (name: string, value: unknown, options: CheckpointOptions) => Promise<void>;
  readonly onFailed: (name: string, error: TightbeamError) => void;
}

export interface Snapshots {
  readonly begin: AgentCheckpoints["snapshots"];
  /** Takes a last one of each. */
  stop(): void;
}

export function createSnapshots({ runtime, keep, onFailed }: SnapshotsOptions): Snapshots {
  const running = new Map<string, () => void>();

  return {
    begin(name, state, given) {
      checkKnown("snapshots()", given, ["every", "keep"]);
      const { every, ...options } = given;
      if (!isCheckpointName(name)) throw invalid(`The name of a checkpoint is 1 to ${keptLimits.checkpointNameMax} printable characters.`);
      if (typeof state !== "function") throw invalid("Snapshots are taken of what a function returns.");
      if (!(typeof every === "number" && every >= keptLimits.snapshotMinMs && Number.isFinite(every)))
        throw invalid(`Snapshots are taken every so many ms, at least ${keptLimits.snapshotMinMs}.`);
      if (running.has(name)) throw invalid("Snapshots of this name are being taken already. End that first by calling what snapshots() returned.");
      if (running.size >= keptLimits.checkpointNames)
        throw new TightbeamError("overloaded", `An agent takes snapshots of at most ${keptLimits.checkpointNames} states.`);
      let cancel: (() => void) | undefined;
      let ended = false;
      const take = async (): Promise<void> => {
        try {
          await keep(name, state(), options);
        } catch (error) {
          onFailed(name, isTightbeamError(error) ? error : new TightbeamError("handler_failed", "The function that gives the state threw.", { cause: error }));
        }
      };
      const takeLater = (): void => {
        if (ended) return;
        cancel = runtime.timers.after(every, () => void take().then(takeLater), { background: true });
      };
      takeLater();
      const end = (): void => {
        ended = true;
        cancel?.();
        if (running.get(name) === last) running.delete(name);
      };
      const last = (): void => {
        end();
        void take();
      };
      running.set(name, last);
      return end;
    },
    stop() {
      for (const last of [...running.values()]) last();
    },
  };
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
