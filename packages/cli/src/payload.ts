import type { Output } from "./output.js";
import { printable } from "./printable.js";

/** A payload as people read it: JSON, or how many bytes it has. */
export function shown(payload: unknown, indent?: number): string {
  if (payload instanceof Uint8Array) return `${payload.length} bytes (--raw writes them as they are)`;
  return printable(JSON.stringify(payload, undefined, indent) ?? "nothing");
}

/** With `raw` bytes go to stdout as they are, and so does a text. */
export function rawBytes(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return Buffer.from(typeof payload === "string" ? payload : `${JSON.stringify(payload) ?? ""}\n`);
}

/** A reply: raw, as the document of `--json`, or as text. */
export const putReply = (output: Output, raw: boolean, payload: unknown, document: object): Promise<void> =>
  raw && !output.json ? output.bytes(rawBytes(payload)) : output.result(document, shown(payload, 2));
