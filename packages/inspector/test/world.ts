import { type Agent, type AgentOptions, createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import type { FeedBatch } from "../src/feed/types.js";
import type { Inspector } from "../src/inspect.js";

export interface World {
  join(id: string, options?: Partial<AgentOptions> & { readonly permissions?: readonly string[] }): Promise<Agent>;
  close(): Promise<void>;
}

/** Agents that talk over memory. */
export async function createWorld(): Promise<World> {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const agents: Agent[] = [];
  return {
    async join(id, { permissions, ...options } = {}) {
      const identity = await authority.enroll(id, permissions === undefined ? {} : { permissions });
      const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), presence: false, ...options });
      agents.push(agent);
      return agent;
    },
    close: async () => void (await Promise.all(agents.map((agent) => agent.close()))),
  };
}

export interface Reader {
  readonly batches: readonly FeedBatch[];
  /** Reads on until it holds. */
  until(holds: (batches: readonly FeedBatch[]) => boolean): Promise<void>;
  leave(): Promise<void>;
}

const headersOf = ({ token }: Inspector) => ({ "x-tightbeam-inspector": token });
const baseOf = ({ url }: Inspector): string => new URL(url).origin;

/** The page's side of the feed. */
export async function read(inspector: Inspector): Promise<Reader> {
  const response = await fetch(`${baseOf(inspector)}/api/feed`, { headers: headersOf(inspector) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const batches: FeedBatch[] = [];
  let rest = "";
  return {
    batches,
    async until(holds) {
      while (!holds(batches)) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the feed ended");
        const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) if (event.startsWith("data: ")) batches.push(JSON.parse(event.slice(6)) as FeedBatch);
      }
    },
    leave: () => reader.cancel(),
  };
}

export async function get(inspector: Inspector, name: string, fields: Readonly<Record<string, string>>): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${baseOf(inspector)}/api/${name}?${new URLSearchParams(fields)}`, { headers: headersOf(inspector) });
  return { status: response.status, body: await response.json() };
}

export async function act(inspector: Inspector, name: string, fields: Readonly<Record<string, string>>): Promise<{ status: number; body: unknown }> {
  const origin = baseOf(inspector);
  const headers = { ...headersOf(inspector), origin, "content-type": "application/json" };
  const response = await fetch(`${origin}/api/${name}`, { method: "POST", headers, body: JSON.stringify(fields) });
  return { status: response.status, body: await response.json() };
}
