import { concat } from "../bytes.js";

/** At most `maxBytes` of a body; undefined for a longer one, whose rest is not read. Rejects as the stream does, or with what `late` rejects with. */
export async function readBody(body: ReadableStream<Uint8Array> | null, maxBytes: number, late?: Promise<never>): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  if (body === null) return concat();
  const reader = body.getReader();
  try {
    for (let length = 0; ; ) {
      const next = await (late === undefined ? reader.read() : Promise.race([reader.read(), late]));
      if (next.done) return concat(...parts);
      length += next.value.length;
      if (length > maxBytes) return undefined;
      parts.push(next.value);
    }
  } finally {
    // Of a stream that has ended this does nothing.
    reader.cancel().catch(() => undefined);
  }
}
