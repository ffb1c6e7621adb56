import { usageError } from "../../command-error.js";
import type { Invocation } from "../../invocation.js";
import type { Io } from "../../io.js";
import type { SecretSource } from "../../secrets.js";
import { resolveSettings } from "../../settings.js";
import { type ReadToken, readTokens } from "../../tokens.js";

/** The file that is named, or where the profile and the environment say that tokens are. */
export async function tokensOf(
  invocation: Pick<Invocation, "io" | "output">,
  file: string | undefined,
  profile: string | undefined,
): Promise<readonly ReadToken[]> {
  const { io, output } = invocation;
  return readTokens(io, await sourceOf(io, file, profile), (message) => output.warn("open_file", message));
}

async function sourceOf(io: Io, file: string | undefined, profile: string | undefined): Promise<SecretSource> {
  if (file !== undefined) {
    if (/^ey[\w-]+\.[\w-]+\./.test(file))
      throw usageError(
        "A token does not stand on a command line, where `ps` and the shell's history show it.",
        "Give the name of a file, - for stdin, or TIGHTBEAM_TOKEN.",
      );
    return { file };
  }
  const { token } = await resolveSettings(io, profile === undefined ? {} : { profile });
  if (token === undefined) throw usageError("Which token?", "Give a file, - for stdin, or TIGHTBEAM_TOKEN.");
  return token;
}
