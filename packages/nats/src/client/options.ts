import type { Backoff } from "../backoff.js";

/** How to log in: at most one of user, token, nkey and creds file. */
export interface NatsLogin {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** The seed of a user nkey (`SU...`). */
  readonly nkey?: string | Uint8Array | undefined;
  /** A file with a user JWT and its seed, as `nsc` writes it. Read again at every connect, so it can be renewed in place. Node, Bun and Deno. */
  readonly credsFile?: string | undefined;
}

/** Certificates. Verification cannot be switched off: give the CA instead. PEM text or bytes. */
export interface TlsOptions {
  /** Replaces the system's CAs. */
  readonly ca?: string | Uint8Array | undefined;
  /** With `key`, for a server that verifies its clients. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** The name to ask for and to verify, where it differs from the server's host. */
  readonly servername?: string | undefined;
}

export interface DialOptions {
  readonly servers: readonly string[];
  readonly login: NatsLogin;
  readonly tls: TlsOptions | undefined;
  readonly name: string | undefined;
  readonly timeoutMs: number;
  readonly backoff: Backoff;
}
