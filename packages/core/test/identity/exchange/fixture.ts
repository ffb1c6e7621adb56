import {
  type AcceptedCredential,
  type Authority,
  createAuthority,
  generateKey,
  generateSecret,
  type SigningKey,
  signDpop,
  type TokenEndpointOptions,
  type TokenEvent,
} from "../../../src/identity/index.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";
import { agentKey, b64, issuerKey, publish } from "../fixtures.js";

export const URL_ = "https://agents.example/token";
export const OIDC = "https://idp.example";
export const secret = generateSecret();
export const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
export const jwtType = "urn:ietf:params:oauth:token-type:jwt";
export const svidKey = await generateKey({ alg: "ES256" });
export const x509Key = await generateKey({ alg: "ES256" });

export const oidc: AcceptedCredential = {
  type: "oidc",
  issuer: OIDC,
  keys: { keys: [publish(issuerKey)] },
  prefixes: ["acme/"],
  permissions: ["call:*", "transport:connect"],
};
/** As SPIRE publishes it: no `alg`, the keys of X.509 beside those of JWTs. */
export const bundle = {
  keys: [
    { ...x509Key.publicJwk, use: "x509-svid", x5c: ["AAAA"] },
    { ...svidKey.publicJwk, use: "jwt-svid", kid: "svid-1" },
  ],
  spiffe_sequence: 7,
  spiffe_refresh_hint: 300,
};
export const spiffe: AcceptedCredential = { type: "spiffe", trustDomain: "acme.example", keys: bundle, prefixes: ["mesh/"], permissions: ["call:find"] };
export const enrolment: AcceptedCredential = { type: "secret", secret, prefixes: ["edge/"], permissions: ["call:measure"] };

export interface Setup {
  readonly credentials?: readonly AcceptedCredential[];
  readonly endpoint?: Partial<TokenEndpointOptions>;
  readonly authority?: Authority;
}

/** What one request is made of; what is not given is right. */
export interface Asked {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly credential?: string;
  readonly signer?: Pick<SigningKey, "sign" | "alg" | "thumbprint">;
  readonly key?: SigningKey;
  readonly proof?: string | null;
  readonly form?: Record<string, string | undefined>;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly nonce?: string | undefined;
  readonly url?: string;
  readonly method?: string;
  readonly source?: string;
}

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** A JWT of anything, signed by anyone. */
export async function sign(header: object, claims: object, key: Pick<SigningKey, "sign">): Promise<string> {
  const input = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(claims))}`;
  return `${input}.${b64(await key.sign(Buffer.from(input)))}`;
}

export async function setUp({ credentials = [oidc, spiffe, enrolment], endpoint: options = {}, authority: given }: Setup = {}) {
  const runtime = createVirtualRuntime({ seed: 11 });
  const authority = given ?? (await createAuthority({ issuer: "https://agents.example", runtime }));
  const events: TokenEvent[] = [];
  const endpoint = await authority.accept({ url: URL_, credentials, nonce: false, onEvent: (event) => events.push(event), ...options });
  const seconds = (): number => Math.floor(runtime.clock.wall() / 1000);

  const credential = ({ claims = {}, header = {}, signer = issuerKey }: Asked = {}): Promise<string> =>
    sign(
      { alg: signer.alg, typ: "JWT", kid: signer.thumbprint, ...header },
      { iss: OIDC, sub: "acme/bob", aud: URL_, iat: seconds(), exp: seconds() + 300, ...claims },
      signer,
    );
  const svid = ({ claims = {}, header = {}, signer = svidKey }: Asked = {}): Promise<string> =>
    sign(
      { alg: "ES256", kid: "svid-1", typ: "JWT", ...header },
      { sub: "spiffe://acme.example/mesh/finder", aud: [URL_], iat: seconds(), exp: seconds() + 300, ...claims },
      signer,
    );

  async function ask(asked: Asked = {}): Promise<Answered> {
    const subject = asked.credential ?? (await credential(asked));
    const key = asked.key ?? agentKey;
    const proof = asked.proof === undefined ? await signDpop(key, { url: URL_, nonce: asked.nonce, accessToken: subject, runtime }) : asked.proof;
    const form = new URLSearchParams();
    const fields = { grant_type: exchange, subject_token: subject, subject_token_type: jwtType, ...asked.form };
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value);
    const method = asked.method ?? "POST";
    const request = new Request(asked.url ?? URL_, {
      method,
      headers: { "content-type": "application/x-www-form-urlencoded", ...(proof === null ? {} : { dpop: proof }), ...asked.headers },
      ...(method === "GET" ? {} : { body: asked.body ?? form.toString() }),
    });
    const response = await endpoint.handle(request, asked.source === undefined ? {} : { source: asked.source });
    return { status: response.status, body: (await response.json()) as Record<string, unknown>, headers: response.headers };
  }

  return { runtime, authority, endpoint, events, ask, credential, svid, seconds };
}
