import { encodeUtf8, equalBytes } from "../../bytes.js";
import { crypto } from "../../crypto/index.js";
import { TightbeamError } from "../../errors.js";
import { anything, checkGiven, type Rules } from "../rules.js";

/** What `Authorization: Bearer` carries (RFC 6750, 2.1), long enough for 128 random bits. */
const tokenGrammar = /^[A-Za-z0-9._~+/-]{22,512}=*$/;
const bearerGrammar = /^bearer +(\S{1,514})$/i;
const hostGrammar = /^[a-z0-9.-]{1,253}$|^\[[0-9a-f:.]{2,45}\]$/;
const loopback = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

export interface MonitoringAccess {
  /** Whoever asks shows it as `Authorization: Bearer …`: 22 characters or more, of 16 or more random bytes. Default: nobody has to, and only loopback names are answered. */
  readonly token?: string | undefined;
  /** Without a token: names in `Host` that are answered beside `localhost`, 127.0.0.0/8 and `[::1]`; without a port, lower case. Others come by DNS rebinding. */
  readonly hosts?: readonly string[] | undefined;
}

export interface MonitoringPage {
  readonly status: 200 | 503;
  readonly type: string;
  readonly body: string;
}

/** Answers a request of the Fetch standard. Never rejects. */
export type MonitoringHandler = (request: Request) => Promise<Response>;

const fixed = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'",
};

/**
 * GET and HEAD of pages that say how something is doing, each at exactly its path. With a token only for who shows it: all others learn nothing,
 * not even which paths there are. Throws `invalid_argument`.
 */
export function createMonitoringEndpoint(
  access: MonitoringAccess,
  pages: Readonly<Record<string, () => MonitoringPage | Promise<MonitoringPage>>>,
): MonitoringHandler {
  const refusal = createGuard(access);
  const byPath = new Map(Object.entries(pages));

  const handle = async (request: Request): Promise<Response> => {
    const refused = refusal(request);
    if (refused !== undefined) return refused;
    const page = byPath.get(new URL(request.url).pathname);
    if (page === undefined) return answer(404, "Not found.");
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, "Only GET and HEAD.", { allow: "GET, HEAD" });
    const { status, type, body } = await page();
    return respond(status, type, body, request.method === "HEAD");
  };

  return async (request) => {
    try {
      return await handle(request);
    } catch {
      // What went wrong may hold what nobody here should read.
      return answer(500, "The state cannot be told.");
    }
  };
}

const rules: Rules<MonitoringAccess> = { token: anything, hosts: [Array.isArray, "a list of names"] };

/** Says no to who may not ask. Throws `invalid_argument`. */
function createGuard(access: MonitoringAccess): (request: Request) => Response | undefined {
  checkGiven("access", access, rules);
  const { token, hosts = [] } = access;
  if (token !== undefined) {
    const shown = digestOf(checkToken(token));
    return ({ headers }) => {
      const [, given] = bearerGrammar.exec(headers.get("authorization") ?? "") ?? [];
      if (given !== undefined && equalBytes(digestOf(given), shown)) return undefined;
      return answer(401, "Show the token: Authorization: Bearer …", { "www-authenticate": "Bearer" });
    };
  }
  for (const host of hosts) {
    if (typeof host !== "string" || !hostGrammar.test(host))
      throw new TightbeamError("invalid_argument", "`hosts` lists names as in the header Host: lower case, without port, such as metrics.internal.");
  }
  const answered = new Set(hosts);
  return (request) => {
    const name = (request.headers.get("host") ?? new URL(request.url).host).toLowerCase().replace(/:\d{1,5}$/, "");
    return loopback.test(name) || answered.has(name) ? undefined : answer(403, "This is not answered for the Host that was named.");
  };
}

/** As it is, when it can be one. Throws `invalid_argument`, which does not say it. */
export function checkToken(token: unknown): string {
  if (typeof token !== "string" || !tokenGrammar.test(token))
    throw new TightbeamError("invalid_argument", "`token` is 22 to 512 of A-Z a-z 0-9 . _ ~ + / -, from at least 16 random bytes.");
  return token;
}

/** Of equal length whatever was shown, so that comparing them says nothing of the token's. */
const digestOf = (text: string): Uint8Array => crypto().sha256.digest(encodeUtf8(text));

const answer = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response =>
  respond(status, "text/plain; charset=utf-8", `${text}\n`, false, headers);

function respond(status: number, type: string, body: string, headOnly: boolean, headers: Readonly<Record<string, string>> = {}): Response {
  const bytes = encodeUtf8(body);
  return new Response(headOnly ? null : (bytes as Uint8Array<ArrayBuffer>), {
    status,
    headers: { ...fixed, ...headers, "content-type": type, "content-length": String(bytes.length) },
  });
}
