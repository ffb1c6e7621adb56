import { isTightbeamError } from "@tightbeam/core/transport";
import { CommandError } from "../../command-error.js";
import { exitCodeFor, exitCodes } from "../../exit-codes.js";
import { openTrust, readKey, trustedIssuer } from "../../identity.js";
import type { Invocation } from "../../invocation.js";
import { spoken } from "../../numbers.js";
import { resolveSettings, type TrustSettingsOptions } from "../../settings.js";
import type { ReadToken } from "../../tokens.js";
import { keyOf } from "./inspect.js";
import { tokensOf } from "./read.js";

export interface VerifyOptions extends TrustSettingsOptions {
  readonly key?: string;
  readonly audience?: string;
  readonly id?: string;
}

interface Verified {
  readonly id: string;
  readonly issuer: string;
  readonly audience: string | null;
  readonly permissions: readonly string[];
  readonly thumbprint: string;
  readonly expiresAt: string;
  /** ms. */
  readonly expiresIn: number;
}

export async function verify(invocation: Invocation, options: VerifyOptions, file: string | undefined): Promise<void> {
  const { io, output, runtime } = invocation;
  const { key: keyFile, audience, id: expectedId, ...trusted } = options;
  const settings = await resolveSettings(io, trusted);
  const tokens = await tokensOf(invocation, file, options.profile);
  const key = keyFile === undefined ? undefined : (await readKey(io, { file: keyFile })).thumbprint;
  const trust = await openTrust(io, settings);
  const now = runtime.clock.wall();
  const found: Verified[] = [];
  for (const token of tokens) {
    const of = audience ?? (token.audiences[0] as string | undefined);
    try {
      const verified = await trust.verify(token.raw, {
        now,
        ...(of === undefined ? {} : { audience: of }),
        ...(expectedId === undefined ? {} : { expectedId }),
      });
      if (key !== undefined && verified.key.thumbprint !== key)
        throw new CommandError(
          "invalid_token",
          exitCodes.identity,
          `The token is bound to the key ${verified.key.thumbprint}, and --key is ${key}.`,
          "Use the key that the token was issued for, or have one issued for this key.",
        );
      found.push({
        id: verified.id,
        issuer: verified.issuer,
        audience: of ?? null,
        permissions: verified.permissions,
        thumbprint: verified.key.thumbprint,
        expiresAt: new Date(verified.expiresAt).toISOString(),
        expiresIn: verified.expiresAt - now,
      });
    } catch (error) {
      throw explained(error, token, now, trustedIssuer(settings));
    }
  }
  await output.result({ verified: true, tokens: found }, ({ green }) =>
    found.map(
      ({ id, issuer, audience: of, permissions, expiresIn }) =>
        `${green("good")}: ${id}${of === null ? ", for peers" : `, for ${of}`}; of ${issuer}; ${permissions.length === 0 ? "no permissions" : permissions.join(" ")}; expires in ${spoken(expiresIn)}`,
    ),
  );
}

const isDate = (seconds: number): boolean => !Number.isNaN(new Date(seconds * 1_000).getTime());

/** What core refuses without saying more, since it is a peer's token there: here it is our own, and its facts help. */
function explained(error: unknown, token: ReadToken, now: number, issuer: string | undefined): unknown {
  if (!isTightbeamError(error)) return error;
  const { iss, exp, iat } = token.claims;
  const say = (message: string, advice?: string) => new CommandError(error.code, exitCodeFor(error.code), message, advice, error);
  if (issuer !== undefined && iss !== issuer && (error.code === "invalid_token" || error.code === "unknown_issuer"))
    return say(`The token is of the issuer ${String(iss)}, and the one that counts is ${issuer}.`, "Issuers are compared letter by letter, a last / too.");
  if (error.code === "expired_token" && typeof exp === "number" && isDate(exp))
    return say(
      `The token expired ${spoken(now - exp * 1_000)} ago, at ${new Date(exp * 1_000).toISOString()}.`,
      "Get a new one; if it was issued just now, compare the clocks of both machines.",
    );
  if (error.code === "invalid_token" && typeof iat === "number" && iat * 1_000 > now + 60_000)
    return say(`The token was issued ${spoken(iat * 1_000 - now)} in the future.`, "Compare the clocks of both machines: one of them is wrong.");
  const kid = token.header.kid;
  return say(
    error.message,
    `It is of ${String(iss)}, signed with the key ${String(kid ?? "(no kid)")}, bound to the key ${keyOf(token) ?? "(none)"}.${
      error.code === "invalid_token"
        ? "\nIf the authority has another key now, get a new token; if another authority issued it, name that one with --jwks and --issuer."
        : ""
    }`,
  );
}
