import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CommandError, usageError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";
import type { Io } from "./io.js";
import { readStdin } from "./stdin.js";

/** The most a message can hold by default. */
const inputMaxBytes = 64 * 1024 * 1024;

/** What is sent: JSON out of the argument, `@file`, or `-` (stdin); with `raw` the bytes as they are. Undefined when nothing was given. */
export async function readInput(io: Io, given: string | undefined, raw = false): Promise<unknown> {
  if (given === undefined) return undefined;
  const bytes = await bytesOf(io, given);
  if (raw) return new Uint8Array(bytes);
  return parseInput(bytes.toString("utf8"), given === "-" ? "stdin" : given.startsWith("@") ? given.slice(1) : "the argument");
}

async function bytesOf(io: Io, given: string): Promise<Buffer> {
  if (given === "-") return readStdin(io, "the input", inputMaxBytes);
  if (!given.startsWith("@")) return Buffer.from(given);
  const path = given.slice(1);
  try {
    return await readFile(resolve(io.cwd, path));
  } catch (cause) {
    throw usageError(
      `The input cannot be read from ${path}: ${(cause as { code?: string }).code ?? "failed"}.`,
      "@ before a path means its contents; - means stdin.",
      cause,
    );
  }
}

/** Says where it stops being JSON, and does not repeat it. */
export function parseInput(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = /at position (\d+)/.exec((cause as Error).message)?.[1];
    throw new CommandError(
      "invalid_input",
      exitCodes.input,
      `What ${where} has is not JSON${at === undefined ? "" : ` (from character ${Number(at) + 1} on)`}.`,
      'In a shell: \'{"text":"hello"}\' for an object, \'"hello"\' for a text. --raw sends bytes as they are.',
    );
  }
}
