import { decodeUtf8 } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { type JsonObject, parseJsonObject } from "./json.js";
import { readBody } from "./read-body.js";

export interface FetchOptions {
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** ms, body included. */
  readonly timeout: number;
  readonly runtime: Runtime;
}

/** What an answer holds: of a status that `expects` takes, and a strict JSON object. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
}

interface Asked {
  readonly url: string;
  /** For messages: "The JWKS URL". */
  readonly name: string;
  readonly init: RequestInit;
  readonly expects: (status: number) => boolean;
}

const bodyMaxBytes = 64 * 1024;

const unavailable = (message: string, cause?: unknown): TightbeamError => new TightbeamError("issuer_unavailable", message, { cause });

/**
 * Asks once for a JSON object: no redirect, an expected status, at most 64 KiB, within the timeout, no cookies. Rejects with
 * `issuer_unavailable` or `malformed`, or `unsupported` where there is no fetch.
 */
export async function fetchJson(asked: Asked, options: FetchOptions): Promise<JsonAnswer> {
  const fetch = options.fetch ?? globalThis.fetch;
  if (typeof fetch !== "function") throw new TightbeamError("unsupported", "This runtime has no fetch: give one as an option.");
  const abort = new AbortController();
  let cancel: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(unavailable(`${asked.name} did not answer within ${options.timeout} ms.`));
    cancel = options.runtime.timers.after(options.timeout, fail, { background: true });
  });
  try {
    return await Promise.race([load(fetch, asked, abort.signal), late]);
  } finally {
    cancel();
    abort.abort();
  }
}

/** With GET, status 200. */
export async function fetchDocument(url: string, name: string, accept: string, options: FetchOptions): Promise<JsonObject> {
  return (await fetchJson({ url, name, init: { headers: { accept } }, expects: (status) => status === 200 }, options)).body;
}

async function load(fetch: typeof globalThis.fetch, { url, name, init, expects }: Asked, signal: AbortSignal): Promise<JsonAnswer> {
  let response: Response;
  try {
    response = await fetch(url, { redirect: "error", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", ...init, signal });
  } catch (cause) {
    throw unavailable(`${name} could not be reached at ${new URL(url).origin}, or it redirected, which is refused.`, cause);
  }
  const { status, headers } = response;
  if (response.redirected || !expects(status)) throw unavailable(`${name} answered with status ${Number(status)}, which is not expected, or redirected.`);
  const tooLarge = (): TightbeamError => unavailable(`${name} sent more than ${bodyMaxBytes} bytes.`);
  if (Number(headers.get("content-length") ?? 0) > bodyMaxBytes) throw tooLarge();
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readBody(response.body, bodyMaxBytes);
  } catch (cause) {
    throw unavailable(`The answer of ${name} broke off.`, cause);
  }
  if (bytes === undefined) throw tooLarge();
  return { status, headers, body: parseJsonObject(decodeUtf8(bytes)) };
}
