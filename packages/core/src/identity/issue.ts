import { encodeUtf8, toBase64url } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import * as protocol from "../protocol.js";
import type { PublicJwk, SignatureAlg } from "./types.js";

/** What signs tokens: an issuer's key, or a shared secret. */
export interface TokenSigner {
  readonly alg: SignatureAlg | "HS256";
  readonly kid: string | undefined;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** Times in ms since 1970; on the wire they are whole seconds. */
export interface TokenContent {
  readonly issuer: string;
  readonly id: string;
  readonly jti: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly alg: SignatureAlg;
  readonly publicJwk: PublicJwk;
  readonly permissions: readonly string[];
  readonly audience: string | undefined;
  /** Default "wit+jwt". */
  readonly typ?: string;
}

/** A Workload Identity Token (draft-ietf-wimse-workload-creds): `typ: wit+jwt`, bound by `cnf.jwk`. Throws `too_large` above 8 KiB. */
export async function issueToken(signer: TokenSigner, content: TokenContent): Promise<string> {
  const header = { alg: signer.alg, typ: content.typ ?? "wit+jwt", kid: signer.kid };
  const claims = {
    iss: content.issuer,
    sub: content.id,
    aud: content.audience,
    iat: Math.floor(content.issuedAt / 1000),
    exp: Math.floor(content.expiresAt / 1000),
    jti: content.jti,
    cnf: { jwk: { ...content.publicJwk, alg: content.alg } },
    permissions: content.permissions,
  };
  const input = `${encode(header)}.${encode(claims)}`;
  const token = `${input}.${toBase64url(await signer.sign(encodeUtf8(input)))}`;
  if (token.length > protocol.tokenMaxBytes)
    throw new TightbeamError("too_large", `The token would be larger than ${protocol.tokenMaxBytes} bytes: grant fewer or wider permissions.`);
  return token;
}

const encode = (value: object): string => toBase64url(encodeUtf8(JSON.stringify(value)));
