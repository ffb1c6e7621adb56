import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const b64 = (value: object | string): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export function signJwt(header: object, claims: object, key: KeyObject): string {
  const input = `${b64(header)}.${b64(claims)}`;
  const { asymmetricKeyType } = key;
  const signature = sign(asymmetricKeyType === "ed25519" ? null : "sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

export const secondsNow = (): number => Math.floor(Date.now() / 1000);

/** What a provider puts into the tokens of a client, beside what all have. */
export type Claims = (client: { readonly id: string; readonly audience: string | null; readonly scope: string | null }) => Record<string, unknown>;

/**
 * A small OIDC provider: discovery, RS256 keys (with an encryption key beside them, as Keycloak has), and `client_credentials`, bound by
 * DPoP when the request carries a proof. It judges no proof; it is only asked by honest clients.
 */
export async function startProvider(options: { readonly path: string; readonly trailingSlash?: boolean; readonly claims: Claims }) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const asked: string[] = [];
  let lastsS = 300;

  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const base = `${origin}${options.path}`;
  const issuer = options.trailingSlash === true ? `${base}/` : base;
  const json = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    if (request.url === `${options.path}/.well-known/openid-configuration`)
      return json(response, 200, { issuer, jwks_uri: `${base}/certs`, token_endpoint: `${base}/token`, grant_types_supported: ["client_credentials"] });
    if (request.url === `${options.path}/certs`) {
      const jwk = publicKey.export({ format: "jwk" });
      return json(response, 200, {
        keys: [
          { ...jwk, kid: "enc-1", alg: "RSA-OAEP", use: "enc" },
          { ...jwk, kid: "sig-1", alg: "RS256", use: "sig", x5c: ["AAAA"] },
        ],
      });
    }
    if (request.url !== `${options.path}/token` || request.method !== "POST") return json(response, 404, {});
    const form = new URLSearchParams(await text(request));
    const id = form.get("client_id") ?? "";
    if (form.get("grant_type") !== "client_credentials" || form.get("client_secret") !== `secret of ${id}`)
      return json(response, 401, { error: "invalid_client" });
    const proof = request.headers.dpop;
    if (typeof proof === "string" && !String(claimsOf(proof).nonce ?? "").startsWith("nonce"))
      return json(response, 400, { error: "use_dpop_nonce" }, { "dpop-nonce": "nonce-1" });
    const client = { id, audience: form.get("audience"), scope: form.get("scope") };
    const now = secondsNow();
    const cnf = typeof proof === "string" ? { cnf: { jkt: thumbprintOf(headerOf(proof).jwk as Record<string, string>) } } : {};
    return json(response, 200, { access_token: token({ iat: now, exp: now + lastsS, ...cnf, ...options.claims(client) }), expires_in: lastsS });
  }

  const token = (claims: object, header: object = {}): string =>
    signJwt({ alg: "RS256", typ: "JWT", kid: "sig-1", ...header }, { iss: issuer, ...claims }, privateKey);

  return {
    issuer,
    tokenUrl: `${base}/token`,
    jwksUrl: `${base}/certs`,
    asked,
    token,
    last: (seconds: number) => {
      lastsS = seconds;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const headerOf = (jwt: string): Record<string, unknown> => JSON.parse(Buffer.from(jwt.split(".")[0] ?? "", "base64url").toString()) as Record<string, unknown>;
export const claimsOf = (jwt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;

/** RFC 7638. */
const thumbprintOf = (jwk: Record<string, string>): string =>
  createHash("sha256")
    .update(JSON.stringify(jwk, ["crv", "kty", "x", "y"]))
    .digest("base64url");

async function text(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

/** As Keycloak issues them to service accounts, with the mappers of docs/trust.md. */
export const keycloakClaims: Claims = ({ id, scope }) => ({
  jti: `trrtcc:${randomUUID()}`,
  sub: randomUUID(),
  typ: "Bearer",
  azp: id,
  aud: scope === "tightbeam-relay" ? "ws://relay.example" : ["tightbeam", "account"],
  acr: "1",
  scope: "profile email",
  preferred_username: `service-account-${id}`,
  resource_access: { tightbeam: { roles: ["call:summarize", "transport:presence"] }, account: { roles: ["manage-account"] } },
});

/** As Auth0 issues them with its own profile and RBAC. There is no `jti`. */
export const auth0Claims: Claims = ({ id, audience }) => ({
  sub: `${id}@clients`,
  aud: audience,
  azp: id,
  gty: "client-credentials",
  scope: "",
  permissions: ["call:summarize"],
});
