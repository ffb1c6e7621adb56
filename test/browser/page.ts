// The program of the test page: bundled for the browser and driven from agents.test.ts through `globalThis.tightbeam`.
import { type Agent, createAgent, isTightbeamError, method, trust } from "@tightbeam/core";
import { createIdentity, exportKey, generateKey, type JwkSet, type PublicJwk, type SignatureAlg, thumbprint } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import * as z from "zod/mini";

export interface JoinOptions {
  readonly url: string;
  readonly id: string;
  readonly issuer: string;
  readonly jwks: JwkSet;
  readonly alg?: SignatureAlg;
  /** Whose tokens the page shows. Default "authority". */
  readonly source?: TokenSource;
}

/** "authority": what it should. The others: tokens that nobody may take. */
export type TokenSource = "authority" | "stranger" | "other key" | "stranger to peers";

export interface TokenRequest {
  readonly id: string;
  readonly publicKey: object;
  readonly audience?: string;
  readonly source: TokenSource;
}

export interface Failure {
  readonly typed: boolean;
  readonly code: string;
  readonly message: string;
}

declare global {
  /** Bound by the test: the page's public key goes to Node, a token comes back. */
  function issueToken(request: TokenRequest): Promise<string>;
  var tightbeam: PageApi;
}

const add = method("add", { input: z.object({ a: z.number(), b: z.number() }), output: z.object({ sum: z.number() }) });
const greet = method("greet", { input: z.object({ name: z.string() }), output: z.object({ greeting: z.string() }) });

let agent: Agent;
const notes: unknown[] = [];

async function attempt(work: () => Promise<unknown>): Promise<Failure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isTightbeamError(error)) return { typed: true, code: error.code, message: error.message };
    return { typed: false, code: "", message: String(error) };
  }
}

/** Bytes that anybody can check: position times 7, modulo 251. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 7) % 251;
  return bytes;
}

async function join({ url, id, issuer, jwks, alg = "EdDSA", source = "authority" }: JoinOptions) {
  const key = await generateKey({ alg });
  const identity = createIdentity({
    id,
    key,
    issue: ({ publicJwk, audience }) => globalThis.issueToken({ id, publicKey: publicJwk, source, ...(audience === undefined ? {} : { audience }) }),
  });
  const transport = await connectWebSocket(url, { identity, reconnect: { minMs: 10, maxMs: 100 } });
  agent = await createAgent({ identity, trust: trust.jwks(jwks, { issuer }), transport });
  agent.handle(greet, ({ name }) => ({ greeting: `Hello, ${name}, from a page.` }));
  agent.handle("echo", (input) => input);
  agent.handle("note", (input) => void notes.push(input));
  return { export: await attempt(() => exportKey(key)), alg: key.alg, instance: agent.instance };
}

const api = {
  join,
  /** Reaches the other side first by hand, so that the handshake can be timed alone. */
  async link(peer: string) {
    const from = performance.now();
    const link = await agent.link(peer);
    const { suite } = link.status();
    return { ms: performance.now() - from, suite, peer: link.peer.id };
  },
  add: (peer: string, a: number, b: number) => agent.request(peer, add, { a, b }).then(({ sum }) => sum),
  addWrongly: (peer: string) => attempt(() => agent.request(peer, add, { a: "one", b: 2 } as unknown as { a: number; b: number })),
  fails: (peer: string, name: string, timeout?: number) => attempt(() => agent.request(peer, name, null, timeout === undefined ? {} : { timeout })),
  joinFails: (options: JoinOptions) => attempt(() => join(options)),
  /** Requests that are all in flight at once; resolves with the sums in the order they were asked. */
  addMany: (peer: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, index) => agent.request(peer, add, { a: index, b: index }, { timeout: 60_000 }).then(({ sum }) => sum))),
  /** `count` requests, `atOnce` of them in flight. */
  async askInTurn(peer: string, name: string, count: number, atOnce: number) {
    const replies: unknown[] = [];
    let next = 0;
    const ask = async (): Promise<void> => {
      for (let mine = next++; mine < count; mine = next++) replies[mine] = await agent.request(peer, name, mine, { timeout: 60_000 });
    };
    await Promise.all(Array.from({ length: atOnce }, ask));
    return replies;
  },
  async notifyMany(peer: string, count: number) {
    await Promise.all(Array.from({ length: count }, (_, index) => agent.notify(peer, "note", index)));
    await agent.notify(peer, "note", "end", { confirm: "done" });
  },
  notes: () => notes.splice(0),
  /** Sends a pattern and compares what comes back. */
  async bulk(peer: string, length: number) {
    const sent = pattern(length);
    const back = await agent.request(peer, "echo", sent, { timeout: 60_000 });
    return back instanceof Uint8Array && back.length === length && back.every((byte, at) => byte === sent[at]);
  },
  status: () => {
    const { transport, links, calls } = agent.status();
    return { transport, links: links.length, states: links.map(({ state }) => state), calls };
  },
  /** How long a page's short timers really take, and whether the page counts as hidden. */
  async timers(count: number) {
    const from = performance.now();
    for (let n = 0; n < count; n++) await new Promise((resolve) => setTimeout(resolve, 10));
    return { visibility: document.visibilityState, ms: (performance.now() - from) / count };
  },
  /** Shows a token of somebody else's key and signs with its own. */
  async loginWithStolen({ url, id }: JoinOptions, token: string, publicJwk: PublicJwk) {
    const { alg, sign } = await generateKey();
    const key = { alg, sign, publicJwk, thumbprint: thumbprint(publicJwk) };
    return attempt(() => connectWebSocket(url, { identity: { id, key, token: async () => token } }));
  },
  close: () => agent.close({ drain: 2_000 }),
};

export type PageApi = typeof api;
globalThis.tightbeam = api;
