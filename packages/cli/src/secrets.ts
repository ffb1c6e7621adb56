import { usageError } from "./command-error.js";
import { fileMaxBytes, isPipe, readSecretFile } from "./files.js";
import type { Io } from "./io.js";
import { readStdin } from "./stdin.js";

/** Where a secret is. Never the secret itself: that is read when it is needed. */
export type SecretSource = { readonly env: string } | { readonly file: string };

/** What came from stdin or a pipe, which can be read once. */
const readOnce = new WeakMap<SecretSource, Promise<string>>();

/** `what` names it in errors: "the enrolment secret". `-` is stdin. A file that others may read is refused, or told to `warn`. */
export async function readSecret(io: Io, source: SecretSource, what: string, warn?: (message: string) => void): Promise<string> {
  if ("env" in source) return (io.env[source.env] ?? "").trim();
  const before = readOnce.get(source);
  if (before !== undefined) return (await before).trim();
  const stdin = source.file === "-";
  const once = stdin || (await isPipe(io, source.file));
  const read = stdin ? readStdin(io, what, fileMaxBytes).then((bytes) => bytes.toString("utf8")) : readSecretFile(io, source.file, what, warn);
  if (once) readOnce.set(source, read);
  return (await read).trim();
}

export const nameOf = (source: SecretSource): string => ("env" in source ? source.env : source.file === "-" ? "stdin" : source.file);

/** 32 to 1,024 bytes as base64url, as `keygen --secret` writes them. The bytes are never quoted. */
export async function readSecretBytes(io: Io, source: SecretSource, what: string): Promise<Uint8Array> {
  const text = await readSecret(io, source, what);
  const bytes = Buffer.from(text, "base64url");
  if (text === "" || bytes.toString("base64url") !== text)
    throw usageError(
      `${what.charAt(0).toUpperCase()}${what.slice(1)} in ${nameOf(source)} is not base64url.`,
      "`tightbeam keygen --secret --out <file>` makes one.",
    );
  return new Uint8Array(bytes);
}
