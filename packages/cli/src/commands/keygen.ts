import { type Command, Option } from "commander";
import { usageError } from "../command-error.js";
import type { Frame, Invocation } from "../invocation.js";

interface KeygenOptions {
  readonly out?: string;
  readonly alg: "EdDSA" | "ES256";
  readonly secret?: boolean;
  readonly publicOf?: string;
  readonly force?: boolean;
}

export function define(command: Command, { action }: Frame): void {
  command
    .description("Makes a private key in a file that only you may read, and prints its public half. With --secret 32 random bytes in place of a key.")
    .option("--out <file>", "where the private key or secret goes, mode 600; - writes it to stdout, for a pipe")
    .addOption(new Option("--alg <alg>", "what the key signs with").choices(["EdDSA", "ES256"]).default("EdDSA"))
    .option("--secret", "a secret of 32 bytes: to enrol with an authority, to share, to seal a store")
    .option("--public-of <file>", "make nothing: print the public half of this private key")
    .option("--force", "replace the file if it is there")
    .addHelpText("after", "\nExamples:\n  tightbeam keygen --out bob.key > bob.pub\n  tightbeam keygen --secret --out team.secret")
    .action(action(keygen));
}

async function keygen(invocation: Invocation, { out, alg, secret, publicOf, force = false }: KeygenOptions): Promise<void> {
  const { io, output } = invocation;
  if (publicOf !== undefined) {
    if (out !== undefined || secret !== undefined) throw usageError("--public-of makes nothing: it goes with neither --out nor --secret.");
    const { readKey } = await import("../identity.js");
    const { publicJwk, thumbprint, alg: is } = await readKey(io, { file: publicOf });
    return output.result({ alg: is, thumbprint, publicJwk }, JSON.stringify(publicJwk));
  }
  if (out === undefined)
    throw usageError(
      "Where does the private half go?",
      "Give --out <file>: it is written so that only you may read it. `--out -` writes it to stdout, for a pipe.",
    );
  if (out === "-" && io.stdout.isTTY === true) throw usageError("A secret is not written to a terminal.", "Give --out <file>, or pipe it on.");
  const { exportKey, generateKey, generateSecret } = await import("@tightbeam/core/identity");
  const { writeSecretFile } = await import("../files.js");
  if (secret === true) {
    const made = Buffer.from(generateSecret()).toString("base64url");
    const text = `${made}\n`;
    if (out === "-") return output.json ? output.result({ secret: made, bytes: 32 }, made) : output.text(text);
    await writeSecretFile(io, out, text, { force });
    return output.result({ file: out, bytes: 32 }, `A secret of 32 bytes is in ${out}, mode 600.`);
  }
  const key = await generateKey({ alg, extractable: true });
  const text = `${JSON.stringify(await exportKey(key))}\n`;
  if (out === "-") return output.text(text);
  await writeSecretFile(io, out, text, { force });
  output.note(`The private key is in ${out}, mode 600. This is its public half:`);
  return output.result({ file: out, alg, thumbprint: key.thumbprint, publicJwk: key.publicJwk }, JSON.stringify(key.publicJwk));
}
