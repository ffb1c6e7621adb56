import { toBase64url } from "../../bytes.js";
import { TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import { invalidToken as invalid } from "../claims.js";
import { issueToken } from "../issue.js";
import { checkPermissions } from "../permissions.js";
import { checkProfile } from "../profile.js";
import { checkSecret, expand, secretKeys, secretSigner } from "../secret.js";
import { verifyToken } from "../token.js";
import type { SigningKey } from "../types.js";
import type { Acceptor } from "./credential.js";
import type { SecretCredential } from "./types.js";

const typ = "tightbeam-enrolment+jwt";
const lastsMs = 60_000;

/** Tells secrets apart in public: `tightbeam:enrolment:` and 22 characters, from which nothing of the secret follows. Throws `invalid_key`. */
export async function enrolmentIssuer(secret: Uint8Array): Promise<string> {
  checkSecret(secret);
  const { subtle } = globalThis.crypto;
  const base = await subtle.importKey("raw", secret.slice(), "HKDF", false, ["deriveBits"]);
  return `tightbeam:enrolment:${toBase64url(new Uint8Array(await subtle.deriveBits(expand("enrolment secret name"), base, 128)))}`;
}

/** The accepting side of an enrolment secret. Throws `invalid_argument`, `invalid_key`. */
export async function acceptSecret(options: SecretCredential, prefixes: readonly string[], url: string): Promise<Acceptor> {
  const { secret, lifetime } = options;
  if (typeof options.permissions === "function")
    throw new TightbeamError("invalid_argument", "The `permissions` of an enrolment secret are a list: its claims are the agent's own.");
  const permissions = checkPermissions(options.permissions ?? []);
  const issuer = await enrolmentIssuer(secret);
  const profile = checkProfile({ issuer, typ, cnf: "jwk", audience: url, prefixes, maxTokenAge: 2 * lastsMs });
  const rules = { profile, keys: secretKeys(secret, "enrolment secret"), algorithms: ["HS256"] as const };
  return {
    name: issuer,
    prefixes,
    async admit({ text, thumbprint, now }) {
      const { id, key } = await verifyToken(text, rules, { now });
      if (key.thumbprint !== thumbprint) throw invalid("The credential is bound to another key ('cnf') than the proof's.");
      return { id, permissions, lifetime };
    },
  };
}

export interface EnrolmentRequest {
  readonly id: string;
  readonly secret: Uint8Array;
  readonly key: SigningKey;
  /** The endpoint's. */
  readonly url: string;
  readonly runtime: Runtime;
}

/** The other side: an assertion that lasts a minute, for this endpoint, this id and this key. Throws `invalid_key` for a weak secret. */
export async function signEnrolment({ id, secret, key, url, runtime }: EnrolmentRequest): Promise<string> {
  const now = runtime.clock.wall();
  return issueToken(secretSigner(secret, "enrolment secret"), {
    issuer: await enrolmentIssuer(secret),
    typ,
    id,
    jti: toBase64url(runtime.random.bytes(16)),
    issuedAt: now,
    expiresAt: now + lastsMs,
    alg: key.alg,
    publicJwk: key.publicJwk,
    permissions: [],
    audience: url,
  });
}
