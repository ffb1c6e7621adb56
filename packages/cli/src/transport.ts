import { resolve } from "node:path";
import type { Identity } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";
import { usageError } from "./command-error.js";
import { readSecretFile, readTextFile } from "./files.js";
import type { Io } from "./io.js";
import { readSecret } from "./secrets.js";
import type { Settings } from "./settings.js";

const schemes = "ws:// or wss:// for a relay, nats:// or tls:// for a NATS server";

/** As the transports have it by themselves. */
const connectMs = 10_000;

/** What the URL's scheme says. Only the package that is needed is loaded. `timeout`: ms for connecting, at most 10 s. */
export async function openTransport(io: Io, settings: Settings, identity: Identity, timeout = connectMs): Promise<Transport> {
  const connectTimeout = Math.min(connectMs, timeout);
  const { url, ca } = settings;
  if (url === undefined) throw usageError("Where do agents meet?", `Give --url, TIGHTBEAM_URL, or a "url" in the profile: ${schemes}.`);
  const tls = ca === undefined ? undefined : { ca: await readTextFile(io, ca, "the certificate authority") };
  switch (schemeOf(url)) {
    case "ws":
    case "wss": {
      const { connectWebSocket } = await import("@tightbeam/websocket");
      return connectWebSocket(url, { identity, runtime: io.runtime, connectTimeout, ...(tls === undefined ? {} : { tls }) });
    }
    case "nats":
    case "tls": {
      const { connectNats } = await import("@tightbeam/nats");
      const { prefix } = settings;
      return connectNats({
        servers: url,
        runtime: io.runtime,
        connectTimeout,
        name: `tightbeam ${identity.id}`,
        ...(await natsLogin(io, settings)),
        ...(prefix === undefined ? {} : { prefix }),
        ...(tls === undefined ? {} : { tls }),
      });
    }
    case "memory":
      throw usageError("The memory transport lives inside one process, and agents of two terminals are two.", `Use ${schemes}.`);
    default:
      throw usageError("The URL has a scheme that nothing here speaks.", `Use ${schemes}.`);
  }
}

export const schemeOf = (url: string): string | undefined => /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();

export async function natsLogin(io: Io, { nats: { creds, nkey, token, user, password } }: Settings) {
  if (creds !== undefined) {
    // The client reads it, again for each connection; whether others may is looked at here.
    await readSecretFile(io, creds, "the NATS credentials");
    return { credsFile: resolve(io.cwd, creds) };
  }
  if (nkey !== undefined) return { nkey: await readSecret(io, nkey, "the nkey seed") };
  if (token !== undefined) return { token: await readSecret(io, token, "the NATS token") };
  if (user === undefined) return {};
  return { user, ...(password === undefined ? {} : { password: await readSecret(io, password, "the NATS password") }) };
}
