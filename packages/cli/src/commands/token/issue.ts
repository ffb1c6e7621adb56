import { createAuthority, importVerifyKey, type SigningKey } from "@tightbeam/core/identity";
import { isAgentId } from "@tightbeam/core/transport";
import { usageError } from "../../command-error.js";
import { readTextFile, writeSecretFile } from "../../files.js";
import { readKey } from "../../identity.js";
import type { Invocation } from "../../invocation.js";
import type { Io } from "../../io.js";
import { spoken } from "../../numbers.js";

export interface IssueOptions {
  readonly authorityKey: string;
  readonly issuer: string;
  readonly id: string;
  readonly publicKey: string;
  readonly permission?: readonly string[];
  readonly relay?: readonly string[];
  readonly lifetime?: number;
  readonly out?: string;
  readonly force?: boolean;
}

const hourMs = 3_600_000;

export async function issue({ io, output, runtime }: Invocation, options: IssueOptions): Promise<void> {
  const { id, issuer, permission = [], relay = [], lifetime = hourMs, out, force = false } = options;
  if (!isAgentId(id)) throw usageError("--id is no agent id.", "An agent id is [realm/]name, each part 1 to 64 of A-Z a-z 0-9 _ -.");
  if (out === undefined && io.stdout.isTTY === true) throw usageError("A token is not written to a terminal.", "Give --out <file>, or pipe it on.");
  const audiences = relay.map(originOf);
  const publicKey = await readPublicKey(io, options.publicKey);
  const key = await readKey(io, { file: options.authorityKey }, "the authority's key");
  const authority = await createAuthority({ issuer, key, lifetime, runtime });
  const identity = await authority.enroll(id, { permissions: permission, lifetime, key: publicHalf(await importVerifyKey(publicKey)) });
  const tokens: string[] = [];
  for (const audience of [undefined, ...audiences]) tokens.push(await identity.token(audience));
  identity.close();
  const text = `${tokens.join("\n")}\n`;
  const expiresAt = new Date(runtime.clock.wall() + lifetime).toISOString();
  const facts = { id, issuer, permissions: permission, audiences: [null, ...audiences], expiresAt };
  if (out === undefined || out === "-") return output.json ? output.result({ ...facts, tokens }, text) : output.text(text);
  await writeSecretFile(io, out, text, { force });
  await output.result(
    { file: out, ...facts },
    `${out} has ${tokens.length === 1 ? "a token" : `${tokens.length} tokens`} for ${id}: for peers${audiences.map((audience) => `, for ${audience}`).join("")}; for ${spoken(lifetime)}, until ${expiresAt}.`,
  );
}

/** Tokens are made for a key that somebody else holds: it signs nothing here. */
const publicHalf = ({ alg, publicJwk, thumbprint }: Omit<SigningKey, "sign">): SigningKey => ({
  alg,
  publicJwk,
  thumbprint,
  sign: () => Promise.reject(usageError("Only the public half of this key is here.")),
});

function originOf(url: string): string {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) throw usageError("--relay is no relay's URL.", "It looks like wss://relay.example.");
  return new URL(url).origin;
}

async function readPublicKey(io: Io, file: string): Promise<JsonWebKey> {
  const text = await readTextFile(io, file, "the public key");
  try {
    const { kty, crv, x, y } = JSON.parse(text) as JsonWebKey;
    return JSON.parse(JSON.stringify({ kty, crv, x, y })) as JsonWebKey;
  } catch (cause) {
    throw usageError(
      `The public key in ${file} is not JSON.`,
      "It is a public JWK: `tightbeam keygen` prints it, and `tightbeam keygen --public-of <file>` again.",
      cause,
    );
  }
}
