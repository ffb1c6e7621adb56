/** What happened since the relay started. Only numbers: no id, address or token ever gets here. */
export interface RelayCounters {
  connections: number;
  logins: number;
  renewals: number;
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Frames dropped because their receiver read too slowly, or their sender had too many copies made. */
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
  /** What waits for sockets that read slowly. */
  readonly backlogBytes: number;
}

/** What went through, a second, over the last ten. */
export interface RelayThroughput {
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface RelayStats extends Readonly<RelayCounters>, RelayGauges {
  readonly perSecond: RelayThroughput;
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
