import { createAgent, trust } from "@tightbeam/core";
import type { Identity } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";

/** An agent that trusts the authority at this URL and nobody else. */
export function joinAs(identity: Identity, transport: Transport, { url, allowInsecure = false }: { url: string; allowInsecure?: boolean }) {
  const keys = new URL("jwks", url).href;
  return createAgent({ identity, transport, trust: trust.jwksUrl(keys, { issuer: new URL(url).origin, allowInsecure }) });
}
