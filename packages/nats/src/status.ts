import type { NatsConnection } from "./connection.js";

/** What the transport needs to know of a connection's life, the same for both generations of clients. */
export interface StatusEvents {
  disconnected(): void;
  /** A server is being dialled. */
  dialling(): void;
  /** The connection is back, with the client's subscriptions written to it. */
  reconnected(): void;
  /** The server refused a message that was published to this subject. */
  publishDenied(subject: string, error: unknown): void;
  /** Anything else the server said was wrong. It usually ends the connection. */
  failed(error: unknown): void;
}

/** The statuses of `nats-core` 3 carry `error`; those of `nats` 2.29 a code as `data`, and `permissionContext`. */
interface AnyStatus {
  readonly type: string;
  readonly error?: unknown;
  readonly data?: unknown;
  readonly permissionContext?: unknown;
}

interface Violation {
  readonly operation?: unknown;
  readonly subject?: unknown;
}

/** Follows the connection's status until it ends or the returned function is called. Events come in order, each from a turn of its own or the one of the status. */
export function watchStatus(connection: NatsConnection, events: StatusEvents): () => void {
  const statuses = connection.status();
  let stopped = false;
  const follow = async () => {
    for await (const status of statuses) {
      if (stopped) return;
      tell(status, events);
    }
  };
  // A client whose status fails has ended: `closed()` tells why.
  follow().catch(() => undefined);
  return () => {
    stopped = true;
    // Both clients have it: without it the iterator stays among the connection's listeners for ever.
    (statuses as { stop?: () => void }).stop?.();
  };
}

function tell(status: AnyStatus, events: StatusEvents): void {
  switch (status.type) {
    case "disconnect":
      return events.disconnected();
    case "reconnecting":
      return events.dialling();
    case "reconnect":
      return events.reconnected();
    case "error": {
      const violation = violationIn(status);
      if (violation === undefined) return events.failed(status.error ?? codeError(status.data));
      // A subscription's violation comes to its callback.
      if (violation.operation === "publish" && typeof violation.subject === "string") events.publishDenied(violation.subject, status.error);
      return;
    }
    default:
      return;
  }
}

function violationIn({ error, permissionContext }: AnyStatus): Violation | undefined {
  if (typeof permissionContext === "object" && permissionContext !== null) return permissionContext;
  return error instanceof Error && error.name === "PermissionViolationError" ? (error as Violation) : undefined;
}

const codeError = (code: unknown): Error => Object.assign(new Error(String(code)), { code });
