import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { isAgentId } from "../transport/address.js";
import { createIdentity } from "./identity.js";
import { readToken } from "./shape.js";
import type { Identity, SigningKey } from "./types.js";

interface FromToken {
  readonly key: SigningKey;
  readonly runtime?: Runtime | undefined;
}

/** One token, used until it expires. `id` defaults to its `sub`. */
export interface FixedTokenOptions extends FromToken {
  readonly id?: string | undefined;
  readonly token: string;
}

/** Tokens from wherever the application gets them; cached and renewed as `createIdentity` does. */
export interface TokenGetterOptions extends FromToken {
  readonly id: string;
  readonly getToken: (audience?: string) => Promise<string>;
}

/**
 * An identity from a token that was obtained elsewhere. A fixed token serves only the audience it was issued for: another one throws
 * `unsupported`, and after its end `token()` throws `expired_token`. Throws `invalid_token`, `invalid_argument`.
 */
export function identityFromToken(options: FixedTokenOptions | TokenGetterOptions): Identity {
  checkKnown("identityFromToken", options, ["id", "key", "token", "getToken", "runtime"]);
  if (!("getToken" in options)) return fixedIdentity(options);
  const { id, key, getToken, runtime = systemRuntime() } = options;
  return createIdentity({ id, key, runtime, issue: ({ audience }) => getToken(audience) });
}

function fixedIdentity({ key, token, id: given, runtime = systemRuntime() }: FixedTokenOptions): Identity {
  const { sub, exp, aud } = readToken(token).claims;
  const id = given ?? sub;
  if (!isAgentId(id))
    throw new TightbeamError("invalid_argument", "The token's 'sub' is no agent id ([realm/]name): give the `id` that the issuer's rule makes of it.");
  if (typeof exp !== "number") throw new TightbeamError("invalid_token", "The token has no 'exp'.");
  const audiences = aud === undefined ? [undefined] : Array.isArray(aud) ? aud : [aud];
  return Object.freeze({
    id,
    key,
    async token(audience?: string) {
      // Peers take a token with an `aud` only where their profile names it; that is for them to judge.
      if (audience !== undefined && !audiences.includes(audience))
        throw new TightbeamError("unsupported", "This identity has one fixed token, and it is for another audience: use `getToken`.");
      if (runtime.clock.wall() >= exp * 1000)
        throw new TightbeamError("expired_token", "This agent's token has expired, and it has no way to get another: use `getToken`.");
      return token;
    },
  } satisfies Identity);
}
