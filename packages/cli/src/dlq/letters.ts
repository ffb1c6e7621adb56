import type { Invocation } from "../invocation.js";
import type { Letters, LettersOptions } from "./letter.js";

/** `--of` an agent that runs, or those in `--store` of one that does not. */
export async function openLetters(invocation: Invocation, options: LettersOptions): Promise<Letters> {
  const { of, ...rest } = options;
  if (of !== undefined) {
    const { remoteLetters } = await import("./remote.js");
    return remoteLetters(invocation, rest, of);
  }
  const { storedLetters } = await import("./stored.js");
  return storedLetters(invocation, rest);
}
