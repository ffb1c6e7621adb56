import { CommandError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";
import { readBytesFile } from "./files.js";
import type { Io } from "./io.js";
import { readStdin } from "./stdin.js";

/** The most a message can hold by default. */
const inputMaxBytes = 64 * 1024 * 1024;

/** What is sent: JSON out of the argument, `@file`, or `-` (stdin); with `raw` the bytes as they are. Undefined when nothing was given. */
export async function readInput(io: Io, given: string | undefined, raw = false): Promise<unknown> {
  if (given === undefined) return undefined;
  const bytes = await bytesOf(io, given);
  if (raw) return new Uint8Array(bytes);
  return parseInput(textOf(bytes), given === "-" ? "stdin" : given.startsWith("@") ? given.slice(1) : "the argument");
}

async function bytesOf(io: Io, given: string): Promise<Buffer> {
  if (given === "-") return readStdin(io, "the input", inputMaxBytes);
  if (!given.startsWith("@")) return Buffer.from(given);
  return readBytesFile(
    io,
    given.slice(1),
    "the input",
    inputMaxBytes,
    "@ before a path means its contents, 64 MiB at most; - means stdin. What is larger goes in pieces: tightbeam stream.",
  );
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CommandError("invalid_input", exitCodes.input, "The input is not UTF-8, which JSON is.", "--raw sends bytes as they are.");
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
