import { readFile } from "node:fs/promises";
import { identityFromAuthority, type SpiffeCredential } from "@tightbeam/core/identity";

/** `spiffe://acme.example/ns/prod/sa/finder` is the agent `prod/finder`. */
export const spire: SpiffeCredential = {
  type: "spiffe",
  trustDomain: "acme.example",
  keys: "https://spire-bundle.acme.example/",
  prefixes: ["prod/"],
  agentId: ({ sub }) => {
    const [, account = ""] = /^spiffe:\/\/acme\.example\/ns\/prod\/sa\/([\w-]+)$/.exec(String(sub)) ?? [];
    return `prod/${account}`;
  },
  permissions: ["call:*", "transport:presence"],
};

/** The agent's side: a JWT-SVID for the authority's URL, which spiffe-helper keeps fresh in a file. */
export const identityBySpire = (id: string, url: string, file: string, allowInsecure = false) =>
  identityFromAuthority({ id, url, credential: async () => (await readFile(file, "utf8")).trim(), allowInsecure });
