import { createRelay, type RelayOptions } from "@tightbeam/websocket/relay";
import { usageError } from "../../command-error.js";
import { openTrust } from "../../identity.js";
import type { Invocation } from "../../invocation.js";
import { resolveSettings, type TrustSettingsOptions } from "../../settings.js";
import { ended } from "../../until.js";

export interface RelayCommandOptions extends TrustSettingsOptions {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly origin?: readonly string[];
  readonly page?: readonly string[];
  readonly limit?: readonly string[];
  readonly health: boolean;
}

/** Until somebody ends it. */
export async function serve({ io, output, later, runtime, signal }: Invocation, options: RelayCommandOptions): Promise<void> {
  const { port, host, path, origin, page, limit = [], health } = options;
  const limits = Object.fromEntries(limit.map(limitOf)) as NonNullable<RelayOptions["limits"]>;
  const trust = await openTrust(io, await resolveSettings(io, options));
  const relay = await createRelay({
    port,
    host,
    path,
    trust,
    limits,
    health,
    runtime,
    ...(origin === undefined ? {} : { origins: origin }),
    ...(page === undefined ? {} : { pages: page }),
  });
  later(() => relay.close());
  await output.item({ type: "listening", url: relay.url, urls: relay.urls, port: relay.port, health }, ({ bold, dim }) => [
    `relay listening on ${bold(relay.url)}`,
    ...(health ? [dim(`GET /health and GET /metrics at port ${relay.port}; ctrl-c ends it`)] : []),
  ]);
  await ended(signal);
  const { logins, connections, turnedAway, sockets } = relay.stats();
  await output.item(
    { type: "ended", ...relay.stats() },
    `relay ended: ${logins} logins on ${connections} connections, ${turnedAway} turned away, ${sockets} still there`,
  );
}

function limitOf(given: string): [string, number] {
  const [, name, digits] = /^(\w+)=(\d{1,12})$/.exec(given) ?? [];
  if (name === undefined) throw usageError("--limit looks like name=number, such as sockets=2000.");
  return [name, Number(digits)];
}
