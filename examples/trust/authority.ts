import { createServer } from "node:http";
import { type AcceptedCredential, createAuthority, importKey, type PrivateJwk, type TokenEvent } from "@tightbeam/core/identity";
import { tokenListener } from "@tightbeam/websocket/relay";

interface Settings {
  /** Where agents POST, as they see it: "https://agents.example/token". */
  readonly url: string;
  /** `exportKey(await generateKey({ extractable: true }))`, made once and kept as a password is. */
  readonly key: PrivateJwk;
  readonly credentials: readonly AcceptedCredential[];
  readonly audit: (event: TokenEvent) => void;
  /** For trying it out on one machine. */
  readonly allowInsecure?: boolean;
}

export async function startAuthority({ url, key, credentials, audit, allowInsecure = false }: Settings) {
  const authority = await createAuthority({ issuer: new URL(url).origin, key: await importKey(key) });
  const endpoint = await authority.accept({ url, credentials, onEvent: audit, allowInsecure });
  const server = createServer(tokenListener(endpoint));
  return { authority, endpoint, server };
}
