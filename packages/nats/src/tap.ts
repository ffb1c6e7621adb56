import { type AwaitUsing, awaitUsing, checkKnown, systemRuntime, TightbeamError } from "@tightbeam/core/transport";
import { createBackoff } from "./backoff.js";
import { describe } from "./causes.js";
import type { NatsLogin, TlsOptions } from "./client/options.js";
import { parseServers } from "./servers.js";
import { createSubjects } from "./subjects.js";

export interface TapOptions extends NatsLogin {
  readonly servers: string | readonly string[];
  /** As in `connectNats`. Default `tightbeam`. */
  readonly prefix?: string | undefined;
  readonly tls?: TlsOptions | undefined;
  /** ms for connecting. Default 10,000. */
  readonly connectTimeout?: number | undefined;
}

const names: readonly (keyof TapOptions)[] = ["servers", "prefix", "tls", "connectTimeout", "user", "password", "token", "nkey", "credsFile"];

export interface Tap extends AwaitUsing {
  close(): Promise<void>;
}

/**
 * Hears every frame under a prefix, as whoever runs the server can: what such a listener learns of agents, for people to look at. It needs
 * a login that may subscribe to `<prefix>.>`, which no agent has. `refused` is told when it may not. Rejects as `connectNats` does.
 */
export async function tapNats(options: TapOptions, heard: (subject: string, frame: Uint8Array) => void, refused: (error: Error) => void): Promise<Tap> {
  checkKnown("tapNats", options, names);
  const { servers, prefix = "tightbeam", tls, connectTimeout = 10_000, ...login } = options;
  createSubjects(prefix);
  const { urls, secure } = parseServers(servers);
  const { openConnection } = await import("#client");
  const backoff = createBackoff(systemRuntime().random, 100, 5_000);
  const connection = await openConnection({
    servers: urls,
    login,
    tls: secure ? (tls ?? {}) : tls,
    name: "tightbeam tap",
    timeoutMs: connectTimeout,
    backoff,
  }).catch((error: unknown) => {
    throw error instanceof TightbeamError ? error : describe(error, `Could not connect to ${urls.join(", ")}`, "failed");
  });
  connection.subscribe(`${prefix}.>`, {
    callback(error, message) {
      if (error === null) heard(message.subject, message.data);
      else refused(error);
    },
  });
  // From here on every frame is heard.
  await connection.flush();
  return awaitUsing<Tap>({ close: () => connection.close() });
}
