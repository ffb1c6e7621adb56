import { type FaultyTransport, injectFaults } from "@tightbeam/conformance/faults";
import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, type Identity } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { afterEach } from "vitest";
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
}

/** What the faulty places do to each frame. */
const faults = { drop: 0.2, duplicate: 0.1, reorder: { probability: 0.1, depth: 10 }, delay: { min: 0, max: 3 } };

export interface Places {
  place(): Promise<Place>;
  /** Alice and Bob in a place of their own. */
  pair(options?: { readonly alice?: JoinOptions; readonly bob?: JoinOptions }): Promise<{ readonly here: Place; readonly alice: Agent; readonly bob: Agent }>;
}

/** Places for the tests of the suite that calls it; each is closed, with everybody in it, at the end of its test. */
export function usePlaces({ open, faulty = false }: AgentSuiteOptions): Places {
  const closers: (() => Promise<void>)[] = [];
  let seed = 1;

  async function place(): Promise<Place> {
    const authority = await createAuthority({ issuer: "https://auth.example" });
    const medium = await open(authority);
    const transports: Transport[] = [];
    const agents: Agent[] = [];
    const injectors: FaultyTransport[] = [];
    const cuts: Cuts | undefined = faulty ? cutNowAndThen(injectors, seed++) : undefined;
    const wrap = (transport: Transport): Transport => {
      if (!faulty) return transport;
      const injector = injectFaults(transport, { seed: seed++, ...faults });
      injectors.push(injector);
      return injector;
    };
    closers.push(async () => {
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
        const agent = await createAgent({ identity, trust: authority.trust(), transport, ...options });
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

  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  return {
    place,
    async pair(options = {}) {
      const here = await place();
      return { here, alice: await here.join("alice", options.alice), bob: await here.join("bob", options.bob) };
    },
  };
}
