import { createRelay, type RelayOptions } from "@tightbeam/websocket/relay";
import { usageError } from "../../command-error.js";
import { openTrust } from "../../identity.js";
import type { Invocation } from "../../invocation.js";
import type { Io } from "../../io.js";
import { opened } from "../../listening.js";
import { readSecret } from "../../secrets.js";
import { resolveSettings, type TrustSettingsOptions } from "../../settings.js";
import { ended } from "../../until.js";

export interface RelayCommandOptions extends TrustSettingsOptions {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly origin?: readonly string[];
  readonly page?: readonly string[];
  readonly limit?: readonly string[];
  readonly monitoringPort?: number;
  readonly monitoringHost?: string;
  readonly monitoringTokenFile?: string;
}

/** Until somebody ends it. */
export async function serve({ io, output, later, runtime, signal }: Invocation, options: RelayCommandOptions): Promise<void> {
  const { port, host, path, origin, page, limit = [] } = options;
  const limits = Object.fromEntries(limit.map(limitOf)) as NonNullable<RelayOptions["limits"]>;
  const monitoring = await monitoringOf(io, options);
  const trust = await openTrust(io, await resolveSettings(io, options));
  const opening = createRelay({
    port,
    host,
    path,
    trust,
    limits,
    runtime,
    ...(monitoring === undefined ? {} : { monitoring }),
    ...(origin === undefined ? {} : { origins: origin }),
    ...(page === undefined ? {} : { pages: page }),
  });
  const relay = await opened(opening, "Give another --port (or --monitoring-port), or 0 for any free one.");
  later(() => relay.close());
  const { url, urls, monitoringUrl } = relay;
  await output.item({ type: "listening", url, urls, port: relay.port, monitoring: monitoringUrl ?? null }, ({ bold, dim }) => [
    `relay listening on ${bold(url)} ${dim("(ctrl-c ends it)")}`,
    ...(monitoringUrl === undefined ? [] : [`monitoring on ${monitoringUrl}`]),
  ]);
  await ended(signal);
  const { logins, connections, turnedAway, sockets } = relay.stats();
  await output.item(
    { type: "ended", ...relay.stats() },
    `relay ended: ${logins} logins on ${connections} connections, ${turnedAway} turned away, ${sockets} still there`,
  );
}

async function monitoringOf(
  io: Io,
  { monitoringPort: port, monitoringHost: host, monitoringTokenFile: file }: RelayCommandOptions,
): Promise<RelayOptions["monitoring"]> {
  if (port === undefined) {
    if (host !== undefined || file !== undefined) throw usageError("What is monitored needs a place.", "Give --monitoring-port.");
    return undefined;
  }
  const source = file !== undefined ? { file } : (io.env.TIGHTBEAM_MONITORING_TOKEN ?? "") === "" ? undefined : { env: "TIGHTBEAM_MONITORING_TOKEN" };
  const token = source === undefined ? undefined : await readSecret(io, source, "the monitoring token");
  return { port, ...(host === undefined ? {} : { host }), ...(token === undefined ? {} : { token }) };
}

function limitOf(given: string): [string, number] {
  const [, name, digits] = /^(\w+)=(\d{1,12})$/.exec(given) ?? [];
  if (name === undefined) throw usageError("--limit looks like name=number, such as sockets=2000.");
  return [name, Number(digits)];
}
