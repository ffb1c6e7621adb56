// The application: two agents. Nothing in this file knows which transport carries them.
import { type Agent, type AgentLink, createAgent, type Identity, isTightbeamError, method, type Trust } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { z } from "zod";
import { type BurstProgress, type BurstResult, createBurst, type Latency, latencyOf } from "./burst.js";

export const summarize = method("summarize", {
  input: z.object({ text: z.string().min(1).max(2_000) }),
  output: z.object({ summary: z.string() }),
});

/** Alice remembers every `n`: a request that reached her twice would show. The square shows that a reply belongs to its request. */
export const count = method("count", {
  input: z.object({ n: z.int().nonnegative() }),
  output: z.object({ n: z.int(), square: z.int() }),
});

export interface Seat {
  readonly identity: Identity;
  readonly trust: Trust;
  readonly transport: Transport;
}

/** What one side knows about its link to the other. Thumbprints are RFC 7638, SHA-256, base64url. */
export interface LinkView {
  readonly suite: number;
  readonly own: string;
  readonly peer: string;
  /** ms from dialling to the first key. */
  readonly handshake: number;
}

/** What both agents let the presenter ask, from another process too. */
export interface Member {
  link(peer: string): Promise<LinkView>;
  /** How often the transport came back. */
  reconnects(): Promise<number>;
  close(): Promise<void>;
}

export interface Alice extends Member {
  /** Different numbers that `count` was asked for, and how many of them came more than once. */
  counted(): Promise<{ readonly numbers: number; readonly repeated: number }>;
}

export type Answer =
  | { readonly ok: true; readonly reply: { readonly summary: string }; readonly ms: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface Bob extends Member {
  ask(text: string): Promise<Answer>;
  /** Asks without the types, so that the refusal is Alice's. */
  askAnything(input: unknown): Promise<Answer>;
  /** `times` requests, one after the other. */
  stroll(times: number): Promise<Latency>;
  /** `total` requests in one go. */
  burst(total: number): Promise<BurstResult>;
  progress(): Promise<BurstProgress>;
}

export async function startAlice(seat: Seat): Promise<Alice> {
  const agent = await createAgent(seat);
  const asked = new Map<number, number>();
  agent.handle(summarize, ({ text }) => ({ summary: text.split(/(?<=[.!?])\s/)[0] as string }));
  agent.handle(count, ({ n }) => {
    asked.set(n, (asked.get(n) ?? 0) + 1);
    return { n, square: n * n };
  });
  return {
    ...member(agent, seat),
    async counted() {
      return { numbers: asked.size, repeated: [...asked.values()].filter((times) => times > 1).length };
    },
  };
}

export async function startBob(seat: Seat): Promise<Bob> {
  const agent = await createAgent(seat);
  const burst = createBurst({ transport: seat.transport, agent, ask: (n, timeout) => agent.request("alice", count, { n }, { timeout }) });
  return {
    ...member(agent, seat),
    ask: (text) => answerOf(() => agent.request("alice", summarize, { text })),
    askAnything: (input) => answerOf(() => agent.request("alice", summarize.name, input) as Promise<{ summary: string }>),
    async stroll(times) {
      const took: number[] = [];
      for (let i = 0; i < times; i++) {
        const start = performance.now();
        await agent.request("alice", summarize, { text: `Stroll ${i}. One at a time.` });
        took.push(performance.now() - start);
      }
      return latencyOf(took);
    },
    burst: burst.run,
    progress: async () => burst.progress(),
  };
}

async function answerOf(request: () => Promise<{ summary: string }>): Promise<Answer> {
  const start = performance.now();
  try {
    return { ok: true, reply: await request(), ms: performance.now() - start };
  } catch (error) {
    if (!isTightbeamError(error)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}

function member(agent: Agent, { identity, transport }: Seat): Member {
  let reconnects = 0;
  let handshake = 0;
  transport.state.subscribe((change) => {
    if (change.type === "up") reconnects += 1;
  });
  agent.onEvent((event) => {
    if (event.type === "established") handshake = event.ms;
  });
  return {
    async link(peer) {
      const link: AgentLink = await agent.link(peer);
      return { suite: link.status().suite ?? 0, own: identity.key.thumbprint, peer: link.peer.thumbprint, handshake };
    },
    reconnects: async () => reconnects,
    close: () => agent.close(),
  };
}
