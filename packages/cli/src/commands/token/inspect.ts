import { thumbprint } from "@tightbeam/core/identity";
import type { Invocation } from "../../invocation.js";
import { spoken } from "../../numbers.js";
import { jsonText } from "../../output.js";
import { oneLine } from "../../printable.js";
import type { ReadToken } from "../../tokens.js";
import { tokensOf } from "./read.js";

export interface InspectOptions {
  readonly profile?: string;
}

export async function inspect(invocation: Invocation, { profile }: InspectOptions, file: string | undefined): Promise<void> {
  const { output, runtime } = invocation;
  const tokens = (await tokensOf(invocation, file, profile)).map((token) => ({ header: token.header, claims: token.claims, thumbprint: keyOf(token) }));
  const now = runtime.clock.wall();
  await output.result({ verified: false, tokens }, ({ bold, dim }) => [
    ...tokens.flatMap(({ header, claims, thumbprint: key }) => [
      bold(`agent ${text(claims.sub)}${claims.aud === undefined ? ", for peers" : `, for ${text(claims.aud)}`}`),
      `  issuer       ${text(claims.iss)}`,
      `  permissions  ${Array.isArray(claims.permissions) && claims.permissions.length > 0 ? claims.permissions.map(text).join(" ") : "none"}`,
      `  issued       ${when(claims.iat, now)}`,
      `  expires      ${when(claims.exp, now)}`,
      `  key          ${key ?? "none"}`,
      `  signed by    ${text(header.alg)}, key ${text(header.kid)}`,
    ]),
    dim("Not verified: `tightbeam token verify` does that."),
  ]);
}

/** The RFC 7638 thumbprint of the key it is bound to. */
export function keyOf({ claims: { cnf } }: ReadToken): string | undefined {
  const { jwk, jkt } = (typeof cnf === "object" && cnf !== null ? cnf : {}) as { jwk?: unknown; jkt?: unknown };
  if (typeof jkt === "string") return jkt;
  try {
    return thumbprint(jwk as object);
  } catch {
    return undefined;
  }
}

const text = (value: unknown): string => (value === undefined ? "none" : oneLine(typeof value === "string" ? value : jsonText(value)));

function when(seconds: unknown, now: number): string {
  const at = typeof seconds === "number" ? new Date(seconds * 1_000) : undefined;
  if (at === undefined || Number.isNaN(at.getTime())) return text(seconds);
  const from = at.getTime() - now;
  return `${at.toISOString()} (${from < 0 ? `${spoken(-from)} ago` : `in ${spoken(from)}`})`;
}
