import { concat, toHex } from "../../packages/core/src/bytes.js";
import { importKey } from "../../packages/core/src/identity/index.js";
import { encodeHint, type Hint, hintText } from "../../packages/core/src/patterns/presence/hint.js";
import { type Address, address } from "../../packages/core/src/transport/address.js";

interface HintVector {
  readonly description: string;
  readonly address: string;
  readonly hint: Hint;
  /** What the signature is over. */
  readonly text: string;
  readonly frame: string;
}

export interface PresenceVectors {
  readonly about: string;
  readonly hints: readonly HintVector[];
}

/** RFC 8037, appendix A.1. */
const jwk = { kty: "OKP", crv: "Ed25519", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } as const;
/** RFC 6979, A.2.5. Signatures of ES256 differ each time: this one is not signed here, but zeros. */
const p256 = { kty: "EC", crv: "P-256", x: "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y", y: "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk" } as const;

const silent = { publishes: false, subscribes: false, serves: false, seeks: false, leaves: false };
const alice = { every: 10_000, counter: 1_750_000_000_000, expires: 1_750_000_035_000, id: "acme/alice", instance: "AAAAAAAAAAAAAAAAAAAAAA" };

export async function presenceVectors(): Promise<PresenceVectors> {
  const key = await importKey(jwk);
  const signed = async (description: string, at: Address, hint: Hint): Promise<HintVector> => {
    const body = encodeHint(hint);
    const text = hintText(at, body);
    const signature = hint.key.kty === "OKP" ? await key.sign(text) : new Uint8Array(64);
    return { description, address: at, hint, text: toHex(text), frame: toHex(concat(body, signature)) };
  };
  const acme = address("presence", "acme");
  return {
    about: `docs/protocol.md 4.10. Signed with the Ed25519 key of RFC 8037, A.1: d = ${jwk.d}.`,
    hints: [
      await signed("a publisher", acme, { ...silent, ...alice, publishes: true, key: key.publicJwk }),
      await signed("all roles", acme, { ...alice, publishes: true, subscribes: true, serves: true, seeks: true, leaves: false, key: key.publicJwk }),
      await signed("the last one", acme, { ...silent, ...alice, counter: alice.counter + 1, leaves: true, key: key.publicJwk }),
      await signed("an id without realm, a P-256 key, a signature of zeros", address("presence", "_"), {
        ...silent,
        ...alice,
        id: "bob",
        seeks: true,
        key: p256,
      }),
    ],
  };
}
