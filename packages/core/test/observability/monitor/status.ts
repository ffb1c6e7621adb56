import type { AgentStatus } from "../../../src/agent-types.js";
import type { LinkStatus } from "../../../src/link/link-types.js";
import type { MonitoredAgent } from "../../../src/observability/monitor/observed.js";

/** What an agent says of itself, with what a test is about put into it. */
export const statusWith = (given: Partial<AgentStatus> = {}): AgentStatus => ({
  id: "alice",
  instance: "AAAAAAAAAAAAAAAAAAAAAA",
  transport: "up",
  medium: "memory",
  ready: (given.transport ?? "up") === "up",
  links: [],
  handshakes: { started: 0, established: 0, failed: 0, retrySent: 0, refused: {} },
  presence: { state: "on", address: "presence/_", counters: { sent: 0, heard: 0, refused: 0, skipped: 0, dials: 0 } },
  calls: { waiting: 0, running: 0, queued: 0, late: 0 },
  streams: { opened: 0, served: 0 },
  breakers: [],
  durable: { queued: 0, inFlight: 0, bytes: 0, receiving: 0 },
  deadLetters: undefined,
  memory: { used: 0, most: 1_000 },
  ...given,
});

export const linkWith = (
  id: string,
  given: Partial<Omit<LinkStatus, "counters">> & { readonly counters?: Partial<LinkStatus["counters"]> } = {},
): LinkStatus => {
  const { counters, ...rest } = given;
  return {
    peer: { id, instance: "BBBBBBBBBBBBBBBBBBBBBB", issuer: "https://auth.test", thumbprint: "t" },
    state: "up",
    suite: 0x0101,
    generation: 0,
    epoch: { send: 0, receive: 0 },
    sessions: 1,
    awaited: 0,
    roundTrip: 20,
    queue: { critical: 0, high: 0, normal: 0, low: 0 },
    inFlight: { messages: 0, bytes: 0, limit: 65_536 },
    credit: { messages: 4_096, bytes: 1_000_000 },
    ...rest,
    counters: {
      messagesSent: 0,
      messagesReceived: 0,
      cellsSent: 0,
      cellsResent: 0,
      duplicates: 0,
      queuedMessages: 0,
      queuedBytes: 0,
      unacknowledgedBytes: 0,
      heldBytes: 0,
      roundTrip: 20,
      congestionWindow: 65_536,
      clockOffset: undefined,
      ...counters,
    },
  };
};

/** One that has something to say of everything. */
export function fullAgent(): MonitoredAgent {
  const status = statusWith({
    breakers: [{ peer: "bob", method: "find", state: "open" }],
    links: [linkWith("bob")],
    handshakes: { ...statusWith().handshakes, refused: { auth: 1 } },
  });
  const peers = [{ peer: "bob", queued: 2, inFlight: 1, bytes: 100, store: "s", epoch: 0, blocked: undefined }];
  const durable = { store: "s", incarnation: 1, peers, receiving: 0, damaged: [], failed: undefined };
  const counts = { count: 1, bytes: 10, sender: 1, receiver: 0, oldest: 1, newest: 1, added: 1, replayed: 0, discarded: 0, dropped: 0, notKept: 0, damaged: 0 };
  return {
    status: () => status,
    durable: { status: () => durable } as unknown as NonNullable<MonitoredAgent["durable"]>,
    deadLetters: { statistics: async () => ({ ...counts, reasons: { timeout: 1 } }) } as unknown as NonNullable<MonitoredAgent["deadLetters"]>,
  };
}
