import { identityFromAuthority, type OidcCredential } from "@tightbeam/core/identity";

/** Keycloak: each agent is a client of the realm, with a service account and no other flow. */
export const keycloak: OidcCredential = {
  type: "oidc",
  issuer: "https://sso.example/realms/acme",
  audience: "tightbeam",
  prefixes: ["acme/"],
  agentId: ({ azp, preferred_username: user }) => (user === `service-account-${String(azp)}` ? `acme/${String(azp)}` : "nobody: no service account"),
  permissions: ({ resource_access: access }) => (access as Record<string, { roles: string[] } | undefined> | undefined)?.tightbeam?.roles ?? [],
};

const applications = new Map([["awZfdIir8YFdGZWkvCejDoUb7SjTDicx", "sales/reporter"]]);

/** Auth0: each agent is a machine-to-machine application; its id means nothing, so that a list says who it is. */
export const auth0: OidcCredential = {
  type: "oidc",
  issuer: "https://acme.eu.auth0.com/",
  audience: "https://agents.example",
  prefixes: ["sales/"],
  agentId: ({ sub }) => applications.get(String(sub).replace(/@clients$/, "")) ?? "nobody: not listed",
  permissions: ({ permissions }) => permissions as string[],
};

interface Client {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Auth0 wants it; Keycloak has it from the client's scopes. */
  readonly audience?: string;
}

export async function clientCredentials({ tokenUrl, clientId, clientSecret, audience }: Client): Promise<string> {
  const response = await fetch(tokenUrl, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
      ...(audience === undefined ? {} : { audience }),
    }),
  });
  if (!response.ok) throw new Error(`The provider answered ${response.status}.`);
  return ((await response.json()) as { access_token: string }).access_token;
}

/** The agent's side. The provider is asked again whenever a token is renewed. */
export const identityByOidc = (id: string, url: string, client: Client, allowInsecure = false) =>
  identityFromAuthority({ id, url, credential: () => clientCredentials(client), allowInsecure });
