import { type FaultyTransport, injectFaults } from "@tightbeam/conformance/faults";
import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, type Identity } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { test } from "vitest";
import { type Cuts, cutNowAndThen } from "./cuts.js";

/** What carries frames, made for one test. */
export interface Medium {
  /** A transport for one agent of this identity. */
  connect(identity: Identity): Promise<Transport>;
  /** Breaks the medium under everybody, and mends it. */
  cut(): unknown;
  restore(): unknown;
  close(): unknown;
}

export interface JoinOptions extends Partial<AgentOptions> {
  /** What its token permits; without them it is silent about permissions. Not beside `identity`. */
  readonly permissions?: readonly string[];
  /** Who it is to a medium that asks. Default: who it is. */
  readonly login?: Identity;
}

/** One medium with its agents, for one test. */
export interface Place {
  readonly authority: Authority;
  join(id: string, options?: JoinOptions): Promise<Agent>;
  /** Breaks the medium under everybody, and mends it; no faults of the place's own in between. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Ends the place's own cuts, for what is told otherwise while somebody is cut off. Frames are lost as before. */
  calm(): void;
}

export interface AgentSuiteOptions {
  readonly name: string;
  readonly open: (authority: Authority) => Promise<Medium>;
  /** One frame in five lost, some doubled, delayed and out of their order, and every agent cut off for a moment now and then. Default false. */
  readonly faulty?: boolean;
  /** Its cut touches the places of other tests: one test after the other. Default: tests run beside each other, as most of their time they wait. */
  readonly shared?: boolean;
}

/** What the faulty places do to each frame. */
const faults = { drop: 0.2, duplicate: 0.1, reorder: { probability: 0.1, depth: 10 }, delay: { min: 0, max: 3 } };

/** Somebody's goodbye may be lost as often as it is said: then its peers find out by its silence, and sooner than after 30 s. */
const faultyGoneAfterMs = 10_000;

async function openPlace(
  { open, faulty = false }: AgentSuiteOptions,
  nextSeed: () => number,
  closeLater: (close: () => Promise<void>) => void,
): Promise<Place> {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const medium = await open(authority);
  const transports: Transport[] = [];
  const agents: Agent[] = [];
  const injectors: FaultyTransport[] = [];
  const cuts: Cuts | undefined = faulty ? cutNowAndThen(injectors, nextSeed()) : undefined;
  const wrap = (transport: Transport): Transport => {
    if (!faulty) return transport;
    const injector = injectFaults(transport, { seed: nextSeed(), ...faults });
    injectors.push(injector);
    return injector;
  };
  closeLater(async () => {
    cuts?.stop();
    // As when processes are killed: nobody waits for anybody's farewell.
    await Promise.all(transports.map((transport) => transport.close()));
    await Promise.all(agents.map((agent) => agent.close()));
    await medium.close();
  });
  return {
    authority,
    async join(id, { permissions, login, ...options } = {}) {
      const identity = options.identity ?? (await authority.enroll(id, permissions === undefined ? {} : { permissions }));
      const transport = wrap(await medium.connect(login ?? identity));
      transports.push(transport);
      const agent = await createAgent({ identity, trust: authority.trust(), transport, ...(faulty ? { goneAfter: faultyGoneAfterMs } : {}), ...options });
      agents.push(agent);
      return agent;
    },
    async cut() {
      cuts?.stop();
      await medium.cut();
    },
    async restore() {
      await medium.restore();
      cuts?.go();
    },
    calm: () => cuts?.stop(),
  };
}

export interface Places {
  /** A place of this test's own, closed at its end with everybody in it. */
  place(): Promise<Place>;
  /** Alice and Bob in a place of their own. */
  pair(options?: { readonly alice?: JoinOptions; readonly bob?: JoinOptions }): Promise<{ readonly here: Place; readonly alice: Agent; readonly bob: Agent }>;
}

/** `test` with places of this kind. */
export function testIn(options: AgentSuiteOptions) {
  return test.extend<Places>({
    place: ({ task, onTestFinished }, use) => {
      let seed = seedOf(task.name);
      return use(() => openPlace(options, () => seed++, onTestFinished));
    },
    pair: ({ place }, use) =>
      use(async ({ alice, bob } = {}) => {
        const here = await place();
        return { here, alice: await here.join("alice", alice), bob: await here.join("bob", bob) };
      }),
  });
}

/** Each test has faults of its own, the same whatever runs beside it. */
const seedOf = (name: string): number => [...name].reduce((seed, letter) => (Math.imul(seed, 31) + letter.charCodeAt(0)) >>> 0, 7);

/** How the tests of a suite run in places of this kind. Those that run beside each other share the processor, too. */
export const howRun = ({ shared = false }: AgentSuiteOptions) => ({ concurrent: !shared, timeout: shared ? 30_000 : 90_000 });
