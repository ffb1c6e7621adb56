import { TransportError, type TransportErrorCode } from "@tightbeam/core/transport";

interface Known {
  readonly pattern: RegExp;
  readonly code: TransportErrorCode;
  readonly says: string;
}

/** By the error's code, name and message, the innermost first: clients wrap what they get, and the two generations wrap differently. */
const known: readonly Known[] = [
  {
    pattern: /CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA\b|CERTIFICATE_UNKNOWN|HANDSHAKE_FAILURE/,
    code: "denied",
    says: "the server refused this side's certificate; give `tls.cert` and `tls.key` of a client it knows",
  },
  {
    pattern: /authorization.violation|AUTHORIZATION_VIOLATION/i,
    code: "denied",
    says: "the server refused the credentials; check user, password, token, nkey or creds file",
  },
  {
    pattern: /authentication.expired|AUTHENTICATION_EXPIRED|ACCOUNT_AUTHENTICATION_EXPIRED/i,
    code: "denied",
    says: "the credentials have expired; give a creds file that is renewed",
  },
  { pattern: /authentication.revoked/i, code: "denied", says: "the credentials were revoked" },
  { pattern: /authentication.timeout|AUTHENTICATION_TIMEOUT/i, code: "unavailable", says: "the login took too long; try again" },
  { pattern: /slow consumer/i, code: "unavailable", says: "the server disconnected this side as a slow consumer: it did not read for too long" },
  { pattern: /maximum (?:account )?(?:active )?connections/i, code: "unavailable", says: "the server has no room for another connection" },
  { pattern: /maximum payload|MAX_PAYLOAD/i, code: "too_large", says: "a frame was larger than the server takes" },
  { pattern: /stale connection/i, code: "unavailable", says: "the server heard nothing of this side for too long" },
  {
    pattern: /ECONNREFUSED|connection refused|CONNECTION_REFUSED/i,
    code: "unavailable",
    says: "nobody listens there; start a nats-server, or correct host and port",
  },
  { pattern: /ENOTFOUND|EAI_AGAIN/, code: "unavailable", says: "the host name does not resolve" },
  { pattern: /EHOSTUNREACH|ENETUNREACH/, code: "unavailable", says: "there is no route to the host" },
  {
    pattern: /does not support 'tls'|'tls' is not available|non_tls|SERVER_OPTION_NA/i,
    code: "failed",
    says: "the server speaks no TLS, and TLS was asked for",
  },
  {
    pattern: /ETIMEDOUT|CONNECTION_TIMEOUT|^TimeoutError/m,
    code: "unavailable",
    says: "the server did not answer in time. One that demands a client certificate (`tls.cert`, `tls.key`) and gets none, or a strange one, is silent too",
  },
  {
    pattern: /\b(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS|ERR_SSL|EPROTO)/,
    code: "failed",
    says: "TLS failed; give the issuing CA as `tls.ca`, or fix the certificate",
  },
  { pattern: /unexpected response from server/, code: "failed", says: "what answers there is no nats-server; correct host and port" },
  { pattern: /ECONNRESET|EPIPE|CONNECTION_CLOSED|DISCONNECT/i, code: "unavailable", says: "the connection was reset" },
];

/** What an error of the client amounts to. `fallback` when nothing is known of it. */
export function describe(error: unknown, what: string, fallback: TransportErrorCode): TransportError {
  const texts = chain(error).map(({ code, name, message }) => `${typeof code === "string" ? code : ""} ${message}\n${name}`);
  for (const text of texts.reverse()) {
    const hit = known.find(({ pattern }) => pattern.test(text));
    if (hit !== undefined) return new TransportError(hit.code, `${what}: ${hit.says}.`, { cause: error });
  }
  if (error === undefined) return new TransportError(fallback, `${what}.`);
  return new TransportError(fallback, `${what}: ${error instanceof Error ? error.message : "the client gave no reason"}.`, { cause: error });
}

interface AnyError extends Error {
  readonly code?: unknown;
  readonly chainedError?: unknown;
}

function chain(error: unknown): AnyError[] {
  const found: AnyError[] = [];
  for (let next: unknown = error; next instanceof Error && found.length < 8; next = next.cause ?? (next as AnyError).chainedError) found.push(next);
  return found;
}
