import { concat, decodeUtf8 } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { type JsonObject, parseJsonObject } from "./json.js";

export interface FetchKeySetOptions {
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly timeout: number;
  readonly runtime: Runtime;
}

const bodyMaxBytes = 64 * 1024;

const unavailable = (message: string, cause?: unknown): TightbeamError => new TightbeamError("issuer_unavailable", message, { cause });

/**
 * Fetches a JWK Set once: no redirect, status 200, at most 64 KiB, within the timeout, no cookies. Rejects with `issuer_unavailable` or
 * `malformed`, or `unsupported` where there is no fetch.
 */
export async function fetchKeySet(url: string, options: FetchKeySetOptions): Promise<JsonObject> {
  const fetch = options.fetch ?? globalThis.fetch;
  if (typeof fetch !== "function") throw new TightbeamError("unsupported", "This runtime has no fetch: give one as an option.");
  const abort = new AbortController();
  const late = deferred();
  const cancel = options.runtime.timers.after(options.timeout, () => late.reject(unavailable(`The JWKS URL did not answer within ${options.timeout} ms.`)), {
    background: true,
  });
  try {
    return await Promise.race([load(fetch, url, abort.signal), late.promise]);
  } finally {
    cancel();
    abort.abort();
  }
}

function deferred(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  return { promise, reject };
}

async function load(fetch: typeof globalThis.fetch, url: string, signal: AbortSignal): Promise<JsonObject> {
  let response: Response;
  try {
    response = await fetch(url, {
      redirect: "error",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      headers: { accept: "application/jwk-set+json, application/json" },
      signal,
    });
  } catch (cause) {
    throw unavailable("The JWKS URL could not be reached, or it redirected, which is refused.", cause);
  }
  if (response.redirected || response.status !== 200)
    throw unavailable(`The JWKS URL answered with status ${Number(response.status)}; it must be 200, without a redirect.`);
  return parseJsonObject(decodeUtf8(await readBody(response)));
}

async function readBody(response: Response): Promise<Uint8Array> {
  const tooLarge = (): TightbeamError => unavailable(`The JWKS URL sent more than ${bodyMaxBytes} bytes.`);
  if (Number(response.headers.get("content-length") ?? 0) > bodyMaxBytes) throw tooLarge();
  const reader = response.body?.getReader();
  if (reader === undefined) throw unavailable("The JWKS URL sent no body.");
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    let next: ReadableStreamReadResult<Uint8Array>;
    try {
      next = await reader.read();
    } catch (cause) {
      throw unavailable("The answer of the JWKS URL broke off.", cause);
    }
    if (next.done) return concat(...parts);
    length += next.value.length;
    if (length > bodyMaxBytes) throw tooLarge();
    parts.push(next.value);
  }
}
