/** What happened since the relay started. Only numbers: no id, address or token ever gets here. */
export interface RelayCounters {
  connections: number;
  logins: number;
  renewals: number;
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Frames dropped because their receiver read too slowly. */
  framesDropped: number;
  /** Frames and subscriptions the policy refused. */
  forbidden: number;
  /** Times a socket was read more slowly because it sent too many frames. */
  throttled: number;
  /** Sockets ended because of what came over them, before or after the login, and what `ws` refused. */
  protocolErrors: number;
  /** Connections turned away before the login: no room, wrong Host or Origin, wrong path, not a WebSocket. */
  turnedAway: number;
}

export interface RelayGauges {
  /** Sockets with a login. */
  readonly sockets: number;
  readonly unauthenticated: number;
  /** Transports of agents in this process. */
  readonly locals: number;
  readonly subscriptions: number;
  /** Addresses someone listens at. */
  readonly addresses: number;
}

export interface RelayStats extends Readonly<RelayCounters>, RelayGauges {
  /** Refused logins and ended sockets, by reason. */
  readonly ended: Readonly<Record<string, number>>;
}

export const createCounters = (): RelayCounters => ({
  connections: 0,
  logins: 0,
  renewals: 0,
  framesIn: 0,
  framesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  framesDropped: 0,
  forbidden: 0,
  throttled: 0,
  protocolErrors: 0,
  turnedAway: 0,
});

const gaugeNames: readonly (keyof RelayGauges)[] = ["sockets", "unauthenticated", "locals", "subscriptions", "addresses"];

/** Prometheus text exposition format 0.0.4. */
export function metricsText(stats: RelayStats): string {
  const lines: string[] = [];
  const { ended, ...numbers } = stats;
  for (const [name, value] of Object.entries(numbers)) {
    const gauge = (gaugeNames as readonly string[]).includes(name);
    const full = `tightbeam_relay_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}${gauge ? "" : "_total"}`;
    lines.push(`# TYPE ${full} ${gauge ? "gauge" : "counter"}`, `${full} ${value}`);
  }
  lines.push("# TYPE tightbeam_relay_ended_total counter");
  for (const [reason, count] of Object.entries(ended)) lines.push(`tightbeam_relay_ended_total{reason="${reason}"} ${count}`);
  return `${lines.join("\n")}\n`;
}
