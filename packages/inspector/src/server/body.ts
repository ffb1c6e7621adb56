import type { IncomingMessage } from "node:http";
import { TightbeamError } from "@tightbeam/core";
import { invalid } from "./refusal.js";

/** What a page asks is a few fields. */
const bodyMaxBytes = 4 * 1024;

/** A request's JSON. Rejects `invalid_argument`, `too_large`: then what is left of it is not read. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers["content-type"];
  if (type === undefined || !/^application\/json(?:\s*;\s*charset=utf-8)?$/i.test(type)) throw invalid("An action is sent as application/json.");
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bodyMaxBytes) throw new TightbeamError("too_large", `An action has at most ${bodyMaxBytes} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw invalid("This is no JSON.");
  }
}
