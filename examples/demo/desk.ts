// The authority's desk: issues tokens to agents it knows by the channel they came through, and keeps what the presenter shows about them.
import type { Authority } from "@tightbeam/core";
import { type IssueRequest, thumbprint } from "@tightbeam/core/identity";
import type { IssuedToken } from "./stage.js";

/** What a token lets its agent do; a token that a relay sees says none of it. */
const permissions: Readonly<Record<string, readonly string[]>> = {
  alice: ["serve:summarize", "serve:count"],
  bob: ["call:summarize", "call:count"],
};

export function createDesk(authority: Authority) {
  const issued: IssuedToken[] = [];
  const peerTokens: Buffer[] = [];
  return {
    issued,
    async issue(id: string, { audience, publicJwk }: IssueRequest): Promise<string> {
      const token = await authority.issue({
        id,
        publicKey: publicJwk,
        permissions: audience === undefined ? (permissions[id] ?? []) : [],
        ...(audience === undefined ? {} : { audience }),
      });
      if (audience === undefined) peerTokens.push(Buffer.from(token));
      const [, claims = ""] = token.split(".");
      const { exp } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { exp: number };
      issued.push({ id, audience, thumbprint: thumbprint(publicJwk), expiresAt: exp * 1000 });
      return token;
    },
    leaksPeerToken: (bytes: Uint8Array): boolean => peerTokens.some((token) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(token)),
  };
}
