import { usageError } from "./command-error.js";

/** The longest line that is taken: a line that never ends must not fill the memory. */
const lineMaxBytes = 16 * 1024 * 1024;

/** Lines of UTF-8 text, as they come, without those that are empty. Rejects with a usage error for one over 16 MiB. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array | string>, what: string): AsyncGenerator<string, void, void> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let rest = Buffer.from(chunk as Uint8Array);
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      const line = Buffer.concat([...held, rest.subarray(0, at)])
        .toString("utf8")
        .trim();
      held = [];
      length = 0;
      rest = rest.subarray(at + 1);
      if (line !== "") yield line;
    }
    length += rest.length;
    if (length > lineMaxBytes) throw usageError(`A line of ${what} is over ${lineMaxBytes} bytes.`);
    if (rest.length > 0) held.push(rest);
  }
  const line = Buffer.concat(held).toString("utf8").trim();
  if (line !== "") yield line;
}
