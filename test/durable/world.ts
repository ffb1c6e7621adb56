import { injectFaults } from "@tightbeam/conformance/faults";
import { type Agent, type AgentEvent, type AgentOptions, createAgent, createAuthority, type Identity } from "@tightbeam/core";
import { createIdentity } from "@tightbeam/core/identity";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { createDisk, type Disk } from "../../packages/core/test/store/disk.js";
import { type Clock, during, promptKey } from "../agents/clock.js";

/** An agent that can die and come back, with what its disk kept. */
export interface Mortal {
  readonly agent: Agent;
  readonly disk: Disk | undefined;
  readonly events: AgentEvent[];
  /** The process is gone: what was not flushed is lost, and nobody is told. */
  crash(): Promise<void>;
  /** The same with its goodbyes. */
  close(): Promise<void>;
}

export interface MortalOptions extends Partial<AgentOptions> {
  /** Undefined: without a store. */
  readonly disk?: Disk | undefined;
}

export interface DurableWorld {
  readonly runtime: Clock;
  /** A new process of this agent. */
  start(id: string, options?: MortalOptions): Promise<Mortal>;
  /** Runs virtual time until the promise settles. */
  during<T>(promise: Promise<T>): Promise<T>;
  /** The same until this holds; throws when it does not within 10 minutes. */
  until(holds: () => boolean): Promise<void>;
  /** Nothing passes between anybody any more, and again. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export const storeKey = new Uint8Array(32).fill(7);

export interface WorldOptions {
  readonly seed?: number;
  /** What happens to each frame. */
  readonly faults?: Omit<Parameters<typeof injectFaults>[1], "seed" | "runtime">;
}

export async function createWorld({ seed = 1, faults }: WorldOptions = {}): Promise<DurableWorld> {
  const runtime = createVirtualRuntime({ seed });
  const authority = await createAuthority({ runtime, lifetime: 3_600_000, key: await promptKey() });
  const hub = createHub({ runtime });
  const identities = new Map<string, Identity>();
  const living = new Set<Mortal>();
  let lines = 0;

  const identityOf = async (id: string): Promise<Identity> => {
    const known = identities.get(id);
    if (known !== undefined) return known;
    const made = createIdentity({ id, key: await promptKey(), runtime, issue: ({ publicJwk }) => authority.issue({ id, publicKey: publicJwk }) });
    identities.set(id, made);
    return made;
  };

  return {
    runtime,
    async start(id, { disk, ...options } = {}) {
      const medium = await connectMemory(hub);
      const transport: Transport = faults === undefined ? medium : injectFaults(medium, { ...faults, seed: seed * 1_000 + lines++, runtime });
      const store = disk === undefined ? {} : { store: disk.open(), storeKey };
      const identity = await identityOf(id);
      const made = createAgent({ identity, trust: authority.trust(), transport, runtime, presence: { every: 60_000 }, ...store, ...options });
      const events: AgentEvent[] = [];
      void made.then(({ onEvent }) => onEvent((event) => void events.push(event))).catch(() => undefined);
      const agent = await during(runtime, made, 1);
      const mortal: Mortal = {
        agent,
        disk,
        events,
        async crash() {
          living.delete(mortal);
          disk?.crash();
          await transport.close();
        },
        async close() {
          living.delete(mortal);
          await during(runtime, agent.close(), 5);
        },
      };
      living.add(mortal);
      return mortal;
    },
    during: (promise) => during(runtime, promise, 5),
    async until(holds) {
      for (let ms = 0; !holds(); ms += 20) {
        if (ms > 600_000) throw new Error("It does not come to hold.");
        await runtime.advance(20);
      }
    },
    cut: () => hub.cut(),
    mend: () => hub.restore(),
    async close() {
      await Promise.all([...living].map((mortal) => mortal.crash()));
      await runtime.advance(1_000);
    },
  };
}

export type { Disk };
export { createDisk };
