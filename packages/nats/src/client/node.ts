import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import { type Authenticator, connect, credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
import { TightbeamError } from "@tightbeam/core/transport";
import type { NatsConnection } from "../connection.js";
import type { DialOptions, NatsLogin, TlsOptions } from "./options.js";

/** ms between PINGs: a connection that died without a word is noticed after two unanswered ones. */
const pingIntervalMs = 10_000;

/** Connects with the default client. Rejects with the client's own errors, and with `invalid_argument` for a seed or creds file that cannot be read. */
export async function openConnection({ servers, login, tls, name, timeoutMs, backoff }: DialOptions): Promise<NatsConnection> {
  return connect({
    servers: [...servers],
    ...loginOf(login),
    ...(tls === undefined ? {} : { tls: tlsOf(tls, servers) }),
    ...(name === undefined ? {} : { name }),
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => backoff.delay,
    pingInterval: pingIntervalMs,
  });
}

function loginOf({ user, password, token, nkey, credsFile }: NatsLogin): Pick<NodeConnectionOptions, "user" | "pass" | "token" | "authenticator"> {
  if (user !== undefined) return { user, ...(password === undefined ? {} : { pass: password }) };
  if (token !== undefined) return { token };
  if (nkey !== undefined) return { authenticator: nkeyLogin(nkey) };
  if (credsFile !== undefined) return { authenticator: credsLogin(credsFile) };
  return {};
}

function nkeyLogin(given: string | Uint8Array): Authenticator {
  const seed = typeof given === "string" ? new TextEncoder().encode(given.trim()) : given;
  try {
    nkeys.fromSeed(seed);
  } catch {
    // The client's error is left out: it may hold the seed.
    throw new TightbeamError("invalid_argument", "`nkey` is the seed of a user nkey: it begins with SU.");
  }
  return nkeyAuthenticator(seed);
}

function credsLogin(path: string): Authenticator {
  const authenticate = credsAuthenticator(() => readFileSync(path));
  try {
    authenticate("");
  } catch {
    throw new TightbeamError("invalid_argument", `The creds file ${path} cannot be read, or holds no user JWT and seed.`);
  }
  return authenticate;
}

/** Stands for the name of a server that was given as an IP address. */
const addressHost = "address.invalid";

/**
 * The client hands them to Node as they are, bytes too, and `rejectUnauthorized` stays true. For a server given as an IP address it names no host, and Node
 * would verify the certificate for `localhost`: here it must be for one of the addresses.
 */
function tlsOf({ ca, cert, key, servername }: TlsOptions, servers: readonly string[]): NonNullable<NodeConnectionOptions["tls"]> {
  const addresses = servers.map((server) => new URL(server).hostname.replaceAll(/[[\]]/g, "")).filter((host) => isIP(host) !== 0);
  const options: ConnectionOptions = {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined ? {} : { cert: pem(cert) }),
    ...(key === undefined ? {} : { key: pem(key) }),
    ...(servername === undefined ? {} : { servername }),
    host: addressHost,
    checkServerIdentity(host, certificate) {
      const names = host === addressHost && addresses.length > 0 ? addresses : [host];
      const refusals = names.map((name) => checkServerIdentity(name, certificate));
      return refusals.includes(undefined) ? undefined : refusals[0];
    },
  };
  return options as NonNullable<NodeConnectionOptions["tls"]>;
}

const pem = (given: string | Uint8Array): string | Buffer => (typeof given === "string" ? given : Buffer.from(given));
