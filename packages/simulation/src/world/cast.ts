import { createHash, createPrivateKey } from "node:crypto";
import { type Authority, createAuthority, type Identity, TightbeamError, type Trust } from "@tightbeam/core";
import { importKey, type SigningKey, type VerifiedToken } from "@tightbeam/core/identity";
import { createVirtualRuntime, type Runtime } from "@tightbeam/core/runtime";
import { wallStart } from "./process.js";

/** Who an agent of simulations is: the same in every one, because making keys and tokens takes longer than simulating with them. */
export interface Role {
  readonly identity: Identity;
  readonly storeKey: Uint8Array;
  /** Must be in no frame, file and log. */
  readonly secrets: readonly Uint8Array[];
}

/** Tokens began an hour ago and last another 23: clocks may jump by that. */
const ageMs = 3_600_000;
const lifetimeMs = 24 * 3_600_000;
const toleranceMs = 60_000;
/** PKCS #8 of an Ed25519 key (RFC 8410), up to its 32 bytes. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

let authority: Promise<Authority> | undefined;
const roles = new Map<string, Promise<Role>>();
const verified = new Map<string, VerifiedToken>();

const seedOf = (name: string): Buffer => createHash("sha256").update(`tightbeam simulation: ${name}`).digest();

/** Public knowledge, all of it: for simulations only. Signs within the turn. */
async function keyOf(seed: Uint8Array): Promise<SigningKey> {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  return importKey(key.export({ format: "jwk" }) as JsonWebKey);
}

async function theAuthority(): Promise<Authority> {
  authority ??= (async () => {
    const key = await keyOf(seedOf("authority"));
    return createAuthority({ issuer: "tightbeam:simulation", key, lifetime: lifetimeMs, runtime: createVirtualRuntime({ seed: 1, start: wallStart - ageMs }) });
  })();
  return authority;
}

async function createRole(name: string): Promise<Role> {
  const issuer = await theAuthority();
  const seed = seedOf(`agent ${name}`);
  const key = await keyOf(seed);
  const token = await issuer.issue({ id: name, publicKey: key.publicJwk });
  verified.set(token, await issuer.trust().verify(token, { now: wallStart }));
  const storeKey = new Uint8Array(seedOf(`store of ${name}`));
  const secrets = [storeKey, seed, Buffer.from(seed.toString("base64url")), Buffer.from(token.slice(-40))];
  return { identity: { id: name, key, token: async () => token }, storeKey, secrets };
}

/** Throws `invalid_argument` for what is no agent id. */
export function roleOf(name: string): Promise<Role> {
  const role = roles.get(name) ?? createRole(name);
  roles.set(name, role);
  return role;
}

/**
 * What an authority's trust says, without a thread for the signature: each token was verified before the simulation. It takes a moment
 * all the same, so that what core does meanwhile is done.
 */
export function trustIn({ timers }: Runtime): Trust {
  const inTime = ({ issuedAt, expiresAt }: VerifiedToken, now: number): boolean => now >= issuedAt - toleranceMs && now <= expiresAt + toleranceMs;
  const expired = (): TightbeamError => new TightbeamError("expired_token", "The token does not hold at this time.");
  return {
    async verify(text, { now, expectedId, onKey }) {
      const token = verified.get(text);
      if (token === undefined) throw new TightbeamError("invalid_token", "The token was issued by nobody here.");
      onKey?.(token.key);
      await new Promise<void>((resolve) => void timers.after(0.05, resolve));
      if (!inTime(token, now)) throw expired();
      if (expectedId !== undefined && token.id !== expectedId)
        throw new TightbeamError("wrong_peer", "The token belongs to another agent than the one that was dialled.");
      return token;
    },
    async recheck(token, { now }) {
      if (!inTime(token, now)) throw expired();
    },
  };
}
