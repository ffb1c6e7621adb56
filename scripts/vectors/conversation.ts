import { createPrivateKey, sign } from "node:crypto";
import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { createIdentity, importKey, importVerifyKey } from "@tightbeam/core/identity";
import { createVirtualRuntime, type Runtime, type VirtualRuntime } from "@tightbeam/core/runtime";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub, type Hub } from "@tightbeam/memory";
import { toHex } from "../../packages/core/src/bytes.js";
import { loadKem } from "../../packages/core/src/crypto/index.js";
import { type Drawn, explainConversation, type SentFrame } from "./conversation-keys.js";

const issuerJwk = { kty: "OKP", crv: "Ed25519", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;
const aliceJwk = { kty: "OKP", crv: "Ed25519", d: "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs", x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" } as const;
const bobJwk = { kty: "OKP", crv: "Ed25519", d: "xaqN9D-fg3vtt0QvMdy3sWbThTUHbwlLhc46LgtEWPc", x: "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU" } as const;
const issuer = "https://auth.example";
const start = 1_750_000_000_000;

/** Signs within the turn: virtual time does not wait for a thread. */
async function signingKey(jwk: typeof aliceJwk | typeof bobJwk) {
  const { publicJwk, thumbprint } = await importVerifyKey({ kty: jwk.kty, crv: jwk.crv, x: jwk.x });
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  return { alg: "EdDSA" as const, publicJwk, thumbprint, sign: async (data: Uint8Array) => new Uint8Array(sign(null, data, key)) };
}

/** The clock of all, and randomness of one side, which is written down. */
function recording(clock: VirtualRuntime, seed: number): { runtime: Runtime; drawn: Uint8Array[] } {
  const drawn: Uint8Array[] = [];
  const { random } = createVirtualRuntime({ seed });
  const bytes = (length: number): Uint8Array => {
    const out = random.bytes(length);
    drawn.push(out.slice());
    return out;
  };
  return { runtime: { clock: clock.clock, timers: clock.timers, random: { bytes } }, drawn };
}

async function recordingTransport(hub: Hub, from: SentFrame["from"], sent: SentFrame[]): Promise<Transport> {
  const medium = await connectMemory(hub);
  return {
    capabilities: medium.capabilities,
    state: medium.state,
    closed: medium.closed,
    close: medium.close,
    subscribe: medium.subscribe,
    async send(to, frame) {
      sent.push({ from, to, frame: frame.slice() });
      return medium.send(to, frame);
    },
  };
}

async function during<T>(clock: VirtualRuntime, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = promise.finally(() => {
    settled = true;
  });
  done.catch(() => undefined);
  while (!settled) await clock.advance(5);
  return done;
}

/** A request each way, an error, a notification that is confirmed, fragments, and the end. */
async function talk(clock: VirtualRuntime, alice: Agent, bob: Agent): Promise<void> {
  bob.handle("greet", (input) => ({ text: `Hello, ${(input as { name: string }).name}.` }));
  bob.handle("note", () => undefined);
  bob.handle("length", (input) => (input as string).length);
  alice.handle("echo", (input) => input);
  await during(clock, alice.request("acme/bob", "greet", { name: "Alice" }));
  await during(clock, alice.notify("acme/bob", "note", { n: 1 }, { confirm: "done", priority: "high" }));
  const failed = alice.request("acme/bob", "missing", null).catch(() => undefined);
  await during(clock, failed);
  await during(clock, bob.request("alice", "echo", [1, "zwei", null]));
  await during(clock, alice.request("acme/bob", "length", "0123456789abcdef".repeat(1_250)));
  await clock.advance(1_000);
  await during(clock, alice.close());
  await during(clock, bob.close());
}

export async function conversationVector() {
  await loadKem({ deterministic: true });
  const clock = createVirtualRuntime({ seed: 31, start });
  const authority = await createAuthority({ issuer, key: await importKey(issuerJwk), runtime: clock });
  const hub = createHub({ runtime: clock });
  const sent: SentFrame[] = [];
  const join = async (id: string, jwk: typeof aliceJwk | typeof bobJwk, seed: number, role: SentFrame["from"]) => {
    const { runtime, drawn } = recording(clock, seed);
    const key = await signingKey(jwk);
    const token = await authority.issue({ id, publicKey: key.publicJwk, permissions: ["call:*"] });
    const identity = createIdentity({ id, key, runtime, issue: async () => token });
    const transport = await recordingTransport(hub, role, sent);
    const agent = await createAgent({ identity, trust: authority.trust(), transport, runtime, presence: false });
    return { agent, side: { id, instance: agent.instance, privateJwk: jwk, token, drawn } satisfies Drawn };
  };
  const alice = await join("alice", aliceJwk, 32, "initiator");
  const bob = await join("acme/bob", bobJwk, 33, "responder");
  await talk(clock, alice.agent, bob.agent);
  hub.close();
  const { d: _secret, ...publicIssuer } = issuerJwk;
  const { frames, ...rest } = await explainConversation(alice.side, bob.side, sent);
  return {
    about:
      "One conversation of two Tightbeam agents, version 1 (docs/protocol.md), from the first frame to the last, with all that is random in it. Bytes are hex. vectors/README.md says how to use it.",
    issuerJwk: publicIssuer,
    time: start,
    ...rest,
    frames: frames.map(({ frame, record, ...one }) => ({ ...one, frame: toHex(frame), ...(record === undefined ? {} : { record: toHex(record) }) })),
  };
}

export type ConversationVector = Awaited<ReturnType<typeof conversationVector>>;
