import { trust } from "@tightbeam/core";
import { generateKey, type IssuerProfile, identityFromToken, type SigningKey, signDpop } from "@tightbeam/core/identity";

/** What Keycloak issues to a client with "Require DPoP bound tokens", read by peers themselves: no authority of ours. */
export const boundTokens: IssuerProfile = {
  issuer: "https://sso.example/realms/acme",
  typ: "JWT",
  cnf: "jkt",
  audience: "tightbeam",
  agentId: ({ azp, preferred_username: user }) => (user === `service-account-${String(azp)}` ? `acme/${String(azp)}` : "nobody: no service account"),
  permissions: ({ resource_access: access }) => (access as Record<string, { roles: string[] } | undefined> | undefined)?.tightbeam?.roles ?? [],
};

export const trustInProvider = (profile: IssuerProfile, jwksUrl: string, allowInsecure = false) => trust.jwksUrl(jwksUrl, { ...profile, allowInsecure });

interface Client {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A token that the provider binds to the agent's key. `scope` chooses the audience: what peers see is not what a relay sees. */
async function boundToken(key: SigningKey, { tokenUrl, clientId, clientSecret }: Client, scope: string, nonce?: string): Promise<string> {
  const response = await fetch(tokenUrl, {
    method: "POST",
    headers: { dpop: await signDpop(key, { url: tokenUrl, nonce }) },
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret, scope }),
  });
  const wanted = response.headers.get("dpop-nonce");
  if (response.status === 400 && wanted !== null && nonce === undefined) return boundToken(key, { tokenUrl, clientId, clientSecret }, scope, wanted);
  if (!response.ok) throw new Error(`The provider answered ${response.status}.`);
  return ((await response.json()) as { access_token: string }).access_token;
}

export async function identityByBoundTokens(id: string, client: Client) {
  const key = await generateKey({ alg: "ES256" });
  return identityFromToken({ id, key, getToken: (audience) => boundToken(key, client, audience === undefined ? "tightbeam" : "tightbeam-relay") });
}
