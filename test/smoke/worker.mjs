// The program that workerd.mjs runs inside workerd: GET talks over memory, POST { url, issuer, issueUrl, jwks } over WebSocket with an agent on Node.
import { createAgent, createAuthority, method, trust } from "@tightbeam/core";
import { createIdentity, generateKey } from "@tightbeam/core/identity";
import { connectMemory, createHub } from "@tightbeam/memory";
import { connectWebSocket } from "@tightbeam/websocket";
import * as z from "zod/mini";

const double = method("double", { input: z.object({ value: z.number() }), output: z.object({ value: z.number() }) });
const megabyte = new Uint8Array(1024 * 1024).fill(7);

/** 200 requests at once and 1 MiB there and back, as counts. */
async function ask(agent, peer) {
  const link = await agent.link(peer);
  const options = { timeout: 30_000 };
  const replies = await Promise.all(Array.from({ length: 200 }, (_, value) => agent.request(peer, double, { value }, options)));
  const back = await agent.request(peer, "echo", megabyte, options);
  return {
    suite: link.status().suite,
    doubled: replies.filter(({ value }, at) => value === 2 * at).length,
    bytes: back.every((byte) => byte === 7) ? back.length : 0,
  };
}

async function overMemory() {
  const authority = await createAuthority();
  const hub = createHub();
  const join = async (id) => createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
  const [alice, bob] = [await join("alice"), await join("bob")];
  alice.handle(double, ({ value }) => ({ value: value * 2 }));
  alice.handle("echo", (input) => input);
  const result = await ask(bob, "alice");
  await Promise.all([alice.close(), bob.close()]);
  return result;
}

async function overWebSocket({ url, issuer, issueUrl, jwks }) {
  const id = "worker";
  const identity = createIdentity({
    id,
    key: await generateKey(),
    async issue({ publicJwk, audience }) {
      const answer = await fetch(issueUrl, { method: "POST", body: JSON.stringify({ id, publicKey: publicJwk, audience }) });
      return answer.text();
    },
  });
  const agent = await createAgent({ identity, trust: trust.jwks(jwks, { issuer }), transport: await connectWebSocket(url, { identity }) });
  const result = await ask(agent, "node");
  await agent.close({ drain: 1_000 });
  return result;
}

export default {
  async fetch(request) {
    try {
      return Response.json(request.method === "POST" ? await overWebSocket(await request.json()) : await overMemory());
    } catch (error) {
      return new Response(`${error.code} ${error.stack}\n${error.cause?.stack ?? ""}`, { status: 500 });
    }
  },
};
