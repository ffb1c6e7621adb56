import { usageError } from "./command-error.js";
import type { Io } from "./io.js";

const taken = new WeakSet<Io>();

/** stdin can be read once: two options that both say `-` would share it. Throws a usage error the second time. */
export function takeStdin(io: Io, what: string): Io["stdin"] {
  if (taken.has(io)) throw usageError(`stdin is read already, so ${what} cannot come from it too.`, "Give one of the two in a file.");
  taken.add(io);
  return io.stdin;
}

/** All of stdin. */
export async function readStdin(io: Io, what: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of takeStdin(io, what)) {
    const bytes = Buffer.from(chunk as Buffer);
    length += bytes.length;
    if (length > maxBytes) throw usageError(`What stdin has as ${what} is over ${maxBytes} bytes.`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
