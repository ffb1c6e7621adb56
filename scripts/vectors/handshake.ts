import { fromHex, toHex } from "../../packages/core/src/bytes.js";
import { crypto } from "../../packages/core/src/crypto/index.js";
import { parseHs1, parseHs2, parseHs3 } from "../../packages/core/src/frame/frame.js";
import { createAuthority, importKey } from "../../packages/core/src/identity/index.js";
import { createHandshake } from "../../packages/core/src/noise/index.js";
import { createVirtualRuntime, type Runtime } from "../../packages/core/src/runtime/index.js";
import { createHandshakes } from "../../packages/core/src/secure/handshakes.js";
import { decodePayload } from "../../packages/core/src/secure/payload.js";
import { suiteOf } from "../../packages/core/src/secure/suites.js";
import { prologue, proofPayload, retryBinding } from "../../packages/core/src/secure/transcript.js";
import type { Established, SuiteId } from "../../packages/core/src/secure/types.js";
import { agentAddress, inboxAddress } from "../../packages/core/src/transport/address.js";

interface SideVector {
  readonly id: string;
  readonly instance: string;
  readonly suites: readonly SuiteId[];
  /** Fixed Ed25519 keys: signatures repeat. */
  readonly publicJwk: object;
  readonly token: string;
  readonly staticSecret: string;
  readonly ephemeralSecret: string;
  /** Initiator: d || z. Responder: m. Hybrid suite only. */
  readonly kemSeed?: string;
  /** The TLVs of its message, proof included. */
  readonly payload: string;
  /** h just before its payload is encrypted, and what its proof signs. */
  readonly proofHash: string;
  readonly proofPayload: string;
}

export interface HandshakeVector {
  readonly description: string;
  readonly suite: SuiteId;
  readonly dialled: string;
  readonly prologue: string;
  /** In the order in which they are sent. */
  readonly frames: readonly { readonly type: "HS1" | "RETRY" | "HS2" | "HS3" | "READY"; readonly frame: string }[];
  readonly initiator: SideVector;
  readonly responder: SideVector;
  readonly hash: string;
  readonly exporter: string;
  readonly initiatorKey: string;
  readonly responderKey: string;
  /** Plaintext of the first record. */
  readonly ready: string;
}

export interface HandshakeVectors {
  readonly about: string;
  readonly issuerJwk: object;
  readonly time: number;
  readonly handshakes: readonly HandshakeVector[];
}

const issuerJwk = { kty: "OKP", crv: "Ed25519", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;
const aliceJwk = { kty: "OKP", crv: "Ed25519", d: "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs", x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" } as const;
const bobJwk = { kty: "OKP", crv: "Ed25519", d: "xaqN9D-fg3vtt0QvMdy3sWbThTUHbwlLhc46LgtEWPc", x: "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU" } as const;
const start = 1_750_000_000_000;
const typeNames = ["", "HS1", "HS2", "HS3", "READY", "RETRY"] as const;

/** A runtime that writes down the randomness it gave. */
function recording(base: Runtime): { runtime: Runtime; drawn: Uint8Array[] } {
  const drawn: Uint8Array[] = [];
  const bytes = (length: number): Uint8Array => {
    const out = base.random.bytes(length);
    drawn.push(out.slice());
    return out;
  };
  return { runtime: { ...base, random: { bytes } }, drawn };
}

async function run(description: string, initiatorSuites: readonly SuiteId[], responderSuites: readonly SuiteId[]): Promise<HandshakeVector> {
  const clock = createVirtualRuntime({ seed: 3, start });
  const authority = await createAuthority({ issuer: "https://auth.example", key: await importKey(issuerJwk), runtime: clock });
  const made: Record<string, { jwk: typeof aliceJwk | typeof bobJwk; seed: number; instance: string; suites: readonly SuiteId[] }> = {
    alice: { jwk: aliceJwk, seed: 11, instance: "AAECAwQFBgcICQoLDA0ODw", suites: initiatorSuites },
    "acme/bob": { jwk: bobJwk, seed: 12, instance: "EBESExQVFhcYGRobHB0eHw", suites: responderSuites },
  };
  const frames: { type: (typeof typeNames)[number]; frame: Uint8Array }[] = [];
  const queue: { to: string; frame: Uint8Array }[] = [];
  let accepted: Established | undefined;
  const party = async (id: string) => {
    const { jwk, seed, instance, suites } = made[id] as (typeof made)[string];
    const random = recording({ ...clock, random: createVirtualRuntime({ seed }).random });
    const key = await importKey(jwk);
    const token = await authority.issue({ id, publicKey: key.publicJwk, permissions: ["call:*"] });
    const addresses = { agent: agentAddress(id), inbox: inboxAddress(id, instance) };
    const handshakes = createHandshakes({
      runtime: random.runtime,
      identity: { id, key, token: async () => token },
      trust: authority.trust(),
      instance,
      suites,
      limits: { maxMessageBytes: 67_108_864, intakeCount: 4_096, intakeBytes: 16_777_216 },
      addresses,
      send: async (to, frame) => {
        frames.push({ type: typeNames[(frame[0] as number) & 15] ?? "", frame: frame.slice() });
        queue.push({ to, frame });
      },
      link: {
        offer: () => fromHex("00112233"),
        accept: () => ({ continued: false, link: fromHex("44556677") }),
        established: (value) => {
          accepted = value;
        },
      },
    });
    return { id, key, token, instance, suites, addresses, handshakes, drawn: random.drawn };
  };
  const [alice, bob] = [await party("alice"), await party("acme/bob")];
  let over = false;
  const dial = alice.handshakes.dial(bob.addresses.agent, { timeout: 600_000 });
  const done = (): void => {
    over = true;
  };
  dial.then(done, done);
  for (let turns = 0; !over && turns < 20_000; turns++) {
    for (const { to, frame } of queue.splice(0)) (to.includes("bob") ? bob : alice).handshakes.receive(to as never, frame);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const here = await dial;
  alice.handshakes.close();
  bob.handshakes.close();
  if (accepted === undefined) throw new Error("the responder has no session");
  return explain(description, frames, alice, bob, here, accepted);
}

type Side = {
  id: string;
  key: { publicJwk: object };
  token: string;
  instance: string;
  suites: readonly SuiteId[];
  addresses: { agent: string; inbox: string };
  drawn: Uint8Array[];
};

/** Does the handshake again from its random inputs and gives what lies under the encryption. */
async function explain(
  description: string,
  frames: readonly { type: (typeof typeNames)[number]; frame: Uint8Array }[],
  alice: Side,
  bob: Side,
  here: Established,
  there: Established,
): Promise<HandshakeVector> {
  const { suite } = here.session;
  const hybrid = suiteOf(suite)?.hybrid === true;
  const frame = (type: string): Uint8Array => (frames.findLast((one) => one.type === type) as { frame: Uint8Array }).frame;
  const [hs1, hs2, hs3] = [parseHs1(frame("HS1")), parseHs2(frame("HS2")), parseHs3(frame("HS3"))];
  if (typeof hs1 === "string" || typeof hs2 === "string" || typeof hs3 === "string") throw new Error("a frame does not parse");
  const dh = crypto().x25519;
  const lastOf = (side: Side, length: number): Uint8Array => side.drawn.findLast((bytes) => bytes.length === length) as Uint8Array;
  // Draws, in order. Initiator: id (7), static, e, d || z, and e and d || z again after a RETRY. Responder: K (32, only for a RETRY), id (7), static, e, m.
  const thirtyTwo = (side: Side): Uint8Array[] => side.drawn.filter(({ length }) => length === 32);
  const retried = frames.some(({ type }) => type === "RETRY");
  const aliceStatic = thirtyTwo(alice)[0] as Uint8Array;
  const aliceEphemeral = thirtyTwo(alice)[retried ? 2 : 1] as Uint8Array;
  const [bobStatic, bobEphemeral, bobM] = thirtyTwo(bob).slice(retried ? 1 : 0) as [Uint8Array, Uint8Array, Uint8Array];
  const retry = retried ? retryBinding(crypto().sha256.digest((frames[0] as { frame: Uint8Array }).frame), frame("RETRY")) : new Uint8Array(0);
  // After a RETRY the second HS1 goes to the instance that asked for it.
  const dialled = retried ? bob.addresses.inbox : bob.addresses.agent;
  const bound = prologue(dialled, retry, hs1.head);
  const protocol = suiteOf(suite)?.protocol as string;
  const initiator = await createHandshake({
    protocol,
    role: "initiator",
    prologue: bound,
    staticKey: dh.keyPair(aliceStatic),
    ephemeralKey: dh.keyPair(aliceEphemeral),
    ...(hybrid ? { kem: { keygenSeed: lastOf(alice, 64) } } : {}),
  });
  if (toHex(initiator.writeMessage()) !== toHex(hs1.message)) throw new Error("message 1 does not follow from the randomness");
  const h2 = initiator.beginRead(hs2.message);
  const payload2 = initiator.endRead();
  const responder = await createHandshake({
    protocol,
    role: "responder",
    prologue: bound,
    staticKey: dh.keyPair(bobStatic),
    ephemeralKey: dh.keyPair(bobEphemeral),
    ...(hybrid ? { kem: { encapsSeed: bobM } } : {}),
  });
  responder.readMessage(hs1.message);
  if (toHex(responder.writeMessage(payload2)) !== toHex(hs2.message)) throw new Error("message 2 does not follow from the randomness");
  const h3 = responder.beginRead(hs3.message);
  const payload3 = responder.endRead();
  if (toHex(initiator.writeMessage(payload3)) !== toHex(hs3.message)) throw new Error("message 3 does not follow from the randomness");
  const keys = initiator.splitKeys();
  const [sendKey, receiveKey] = [keys.send, keys.receive];
  const readyFrame = frame("READY");
  const nonce = new Uint8Array(12);
  const ready = crypto().chachaPoly.open(receiveKey as Uint8Array, nonce, readyFrame.subarray(0, 20), readyFrame.subarray(20));
  if (ready === undefined || toHex(there.session.hash) !== toHex(here.session.hash)) throw new Error("the session does not follow from the handshake");
  const side = (
    of: Side,
    role: "initiator" | "responder",
    message: 2 | 3,
    h: Uint8Array,
    payload: Uint8Array,
    secrets: [Uint8Array, Uint8Array, Uint8Array | undefined],
  ): SideVector => ({
    id: of.id,
    instance: of.instance,
    suites: of.suites,
    publicJwk: of.key.publicJwk,
    token: of.token,
    staticSecret: toHex(secrets[0]),
    ephemeralSecret: toHex(secrets[1]),
    ...(hybrid && secrets[2] !== undefined ? { kemSeed: toHex(secrets[2]) } : {}),
    payload: toHex(payload),
    proofHash: toHex(h),
    proofPayload: toHex(proofPayload(crypto().sha256, role, h, decodePayload(payload, message).signed)),
  });
  return {
    description,
    suite,
    dialled,
    prologue: toHex(bound),
    frames: frames.map((one) => ({ type: one.type as HandshakeVector["frames"][number]["type"], frame: toHex(one.frame) })),
    initiator: side(alice, "initiator", 3, h3, payload3, [aliceStatic, aliceEphemeral, alice.drawn.findLast(({ length }) => length === 64)]),
    responder: side(bob, "responder", 2, h2, payload2, [bobStatic, bobEphemeral, bobM]),
    hash: toHex(here.session.hash),
    exporter: toHex(here.session.exporter),
    initiatorKey: toHex(sendKey as Uint8Array),
    responderKey: toHex(receiveKey as Uint8Array),
    ready: toHex(ready),
  };
}

export async function handshakeVectors(): Promise<HandshakeVectors> {
  const { d: _secret, ...publicIssuer } = issuerJwk;
  return {
    about:
      "Tightbeam handshakes, version 1 (docs/protocol.md, sections 3 and 4), with injected randomness. Bytes are hex. The identity keys are those of RFC 8032, 7.1, tests 1 (issuer), 2 (initiator) and 3 (responder). `initiatorKey` and `responderKey` are the keys of Split under which each side sends.",
    issuerJwk: publicIssuer,
    time: start,
    handshakes: [
      await run("hybrid suite", [0x0101], [0x0101]),
      await run("classical suite", [0x0001], [0x0001]),
      await run("the responder asks for the classical suite with a RETRY", [0x0101, 0x0001], [0x0001]),
    ],
  };
}
