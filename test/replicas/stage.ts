import { type Agent, type AgentOptions, createAgent, createAuthority, type Method, type OperationOptions, type TightbeamError } from "@tightbeam/core";
import type { SigningKey } from "@tightbeam/core/identity";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { type Clock, promptKey } from "../agents/clock.js";

/** One process of the worker, on a virtual clock. */
export interface Worker {
  readonly agent: Agent;
  /** Numbers its handler was given, in order. */
  readonly ran: number[];
  /** ms its handler takes. */
  work: number;
  /** It neither hears nor says anything, but keeps its place in the group: a stopped process. */
  silent: boolean;
}

export interface Settled {
  readonly n: number;
  /** The worker's instance, or the code of the error. */
  readonly by: string;
  readonly ms: number;
  readonly error: TightbeamError | undefined;
}

export interface Stage {
  readonly runtime: Clock;
  readonly caller: Agent;
  readonly settled: Settled[];
  readonly moved: string[];
  worker(options?: { readonly key?: SigningKey; readonly work?: number }): Promise<Worker>;
  /** Asks without waiting for the answer. Its outcome will stand in `settled`. */
  ask(n: number, options?: OperationOptions, method?: Method): void;
  /** Asks `count` times, one every `every` ms. */
  load(first: number, count: number, every: number, options?: (n: number) => OperationOptions): Promise<void>;
  close(): Promise<void>;
}

export const goneAfter = 2_000;

export async function createStage(options: Partial<AgentOptions> = {}, seed = 1): Promise<Stage> {
  const runtime = createVirtualRuntime({ seed });
  const authority = await createAuthority({ runtime, key: await promptKey() });
  const hub = createHub({ runtime });
  const join = async (id: string, key: SigningKey, wrap: (inner: Transport) => Transport): Promise<Agent> =>
    createAgent({
      identity: await authority.enroll(id, { key }),
      trust: authority.trust(),
      transport: wrap(await connectMemory(hub)),
      runtime,
      goneAfter,
      ...options,
    });
  const caller = await join("caller", await promptKey(), (inner) => inner);
  const workers: Worker[] = [];
  const settled: Settled[] = [];
  const moved: string[] = [];
  caller.onEvent((event) => {
    if (event.type === "moved") moved.push(event.id);
  });

  const stage: Stage = {
    runtime,
    caller,
    settled,
    moved,
    async worker({ key, work = 5 } = {}) {
      const state = { silent: false, work, ran: [] as number[] };
      const agent = await join("worker", key ?? (await promptKey()), (inner) => silenced(inner, state));
      agent.handle("work", async (input) => {
        state.ran.push(input as number);
        await new Promise<void>((resolve) => runtime.timers.after(state.work, resolve));
        return agent.instance;
      });
      const worker: Worker = Object.assign(state, { agent });
      workers.push(worker);
      return worker;
    },
    ask(n, operation = {}, method) {
      const start = runtime.now;
      const end = (by: string, error?: TightbeamError): void => void settled.push({ n, by, ms: runtime.now - start, error });
      const asked = method === undefined ? caller.request("worker", "work", n, operation) : caller.request("worker", method, n, operation);
      asked.then(
        (instance) => end(String(instance)),
        (error: TightbeamError) => end(error.code, error),
      );
    },
    async load(first, count, every, operation = () => ({})) {
      for (let n = first; n < first + count; n++) {
        stage.ask(n, operation(n));
        await runtime.advance(every);
      }
    },
    async close() {
      for (const worker of workers) worker.silent = false;
      const closing = Promise.all([caller, ...workers.map(({ agent }) => agent)].map((agent) => agent.close()));
      let over = false;
      void closing.then(() => (over = true));
      while (!over) await runtime.advance(20);
    },
  };
  return stage;
}

const silenced = (inner: Transport, state: { silent: boolean }): Transport => ({
  capabilities: inner.capabilities,
  state: inner.state,
  closed: inner.closed,
  subscribe: (at, receive, options) => inner.subscribe(at, (frame) => (state.silent ? undefined : receive(frame)), options),
  send: (to, frame) => (state.silent ? Promise.resolve() : inner.send(to, frame)),
  close: () => inner.close(),
});

/** How many of `settled` each name has. */
export function shares(settled: readonly Settled[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { by } of settled) counts.set(by, (counts.get(by) ?? 0) + 1);
  return counts;
}
