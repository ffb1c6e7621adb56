// The worker processes as their parent sees them, and the record of what each was given to do.
import type { Child, Children } from "../demo/children.js";
import type { StartWorker } from "./worker.js";

export interface WorkerProcess {
  /** "worker 1" */
  readonly name: string;
  readonly pid: number;
  readonly instance: string;
  readonly process: Child;
}

export interface Workers {
  readonly all: readonly WorkerProcess[];
  start(): Promise<WorkerProcess>;
  /** How often each number was given to a handler of this method, by all workers, dead ones included. */
  runs(method: string): ReadonlyMap<number, number>;
}

export function createWorkers(children: Children, script: string, seat: StartWorker): Workers {
  const all: WorkerProcess[] = [];
  const counts = new Map<string, Map<number, number>>();
  const runs = (method: string): Map<number, number> => {
    const known = counts.get(method) ?? new Map<number, number>();
    counts.set(method, known);
    return known;
  };
  let started = 0;
  return {
    all,
    runs,
    async start() {
      const name = `worker ${++started}`;
      const child = children.start(name, script, {
        ran(method: string, n: number) {
          const times = runs(method);
          times.set(n, (times.get(n) ?? 0) + 1);
        },
      });
      const instance = await child.calls.call<string>("start", seat);
      const worker = { name, pid: child.pid, instance, process: child };
      all.push(worker);
      all.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
      return worker;
    },
  };
}
