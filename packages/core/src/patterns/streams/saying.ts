import { type StreamWriter, written } from "./writer.js";

/** Writes what an iterator gives, as fast as the credit goes, and returns what it ends with. Rejects as its `next` does, and as `write`. */
export async function sayAll(iterator: AsyncIterator<unknown> | Iterator<unknown>, writer: StreamWriter): Promise<unknown> {
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) return value;
    const writing = writer.write(value);
    if (writing !== written) await writing;
  }
}

/** Nobody hears it any more: its `finally` blocks run. What they throw is nobody's. */
export function leave(iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined): void {
  try {
    Promise.resolve(iterator?.return?.()).catch(nothing);
  } catch {
    // As above.
  }
}

const nothing = (): void => undefined;
