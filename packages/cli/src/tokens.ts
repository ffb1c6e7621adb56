import { usageError } from "./command-error.js";
import type { Io } from "./io.js";
import { nameOf, readSecret, type SecretSource } from "./secrets.js";

/** A token as it is read, not judged: whether it counts is for its receiver. */
export interface ReadToken {
  readonly raw: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** `sub`, where it is a text. */
  readonly id: string | undefined;
  readonly audiences: readonly unknown[];
}

/** What lies in a file of tokens: one in a line; `warn` is told of a file that others may read. The text of a token is in no error. */
export async function readTokens(io: Io, source: SecretSource, warn: (message: string) => void): Promise<readonly ReadToken[]> {
  const lines = (await readSecret(io, source, "the token", warn)).split(/\s+/).filter((line) => line !== "");
  if (lines.length === 0) throw usageError(`There is no token in ${nameOf(source)}.`, "`tightbeam token issue` makes one.");
  return lines.map((raw) => readToken(raw, nameOf(source)));
}

export function readToken(raw: string, where: string): ReadToken {
  const parts = raw.split(".");
  const [header, claims] = parts.slice(0, 2).map(decode);
  if (parts.length !== 3 || header === undefined || claims === undefined)
    throw usageError(`What is in ${where} is no token.`, "A token is three parts of base64url with dots between them, on one line.");
  const { aud, sub } = claims;
  return { raw, header, claims, id: typeof sub === "string" ? sub : undefined, audiences: aud === undefined ? [] : Array.isArray(aud) ? aud : [aud] };
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The one for peers has no audience, the one for a relay its origin. */
export function tokenFor(tokens: readonly ReadToken[], audience: string | undefined, where: string): string {
  const found = tokens.find(({ audiences }) => (audience === undefined ? audiences.length === 0 : audiences.includes(audience)));
  if (found !== undefined) return found.raw;
  throw usageError(
    audience === undefined ? `${where} has no token for peers: one without an audience.` : `${where} has no token for the relay ${audience}.`,
    `Issue it into the same file, on a line of its own: tightbeam token issue … ${audience === undefined ? "" : `--audience ${audience} `}>> ${where}`,
  );
}
