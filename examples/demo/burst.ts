// Many requests at once, and the book-keeping that would show a lost or doubled reply.
import { type Agent, isTightbeamError } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";

/** ms. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export interface BurstProgress {
  readonly answered: number;
  readonly open: number;
}

export interface BurstResult {
  readonly total: number;
  /** Requests without their reply, whatever they got instead. */
  readonly lost: number;
  /** Replies that arrived although their request had one already. */
  readonly doubled: number;
  /** What went wrong, in words, at most three. */
  readonly complaints: readonly string[];
  /** ms. */
  readonly took: number;
  /** Replies before the transport went down for the first time. */
  readonly before: Latency;
  readonly all: Latency;
  /** The longest time between two replies, ms. */
  readonly longestPause: number;
}

interface Reply {
  readonly n: number;
  readonly square: number;
}

export interface BurstOptions {
  readonly agent: Agent;
  readonly transport: Transport;
  readonly ask: (n: number, timeout: number) => Promise<Reply>;
}

/** ms one request may take, outages and waiting in line included. */
const timeout = 25_000;
/** ms after the last reply in which a doubled one would still be seen. */
const afterglow = 200;

export function createBurst({ agent, transport, ask }: BurstOptions) {
  let answered = 0;
  let open = 0;

  async function run(total: number): Promise<BurstResult> {
    // Counted where replies come in, below the promises: a promise cannot settle twice and would hide a second reply.
    const arrived = new Uint16Array(total);
    const complaints = new Set<string>();
    const latencies: number[] = [];
    const early: number[] = [];
    let down = false;
    let longestPause = 0;
    const start = performance.now();
    let last: number | undefined;

    const stopWatching = agent.onEnvelope(({ type, payload }) => {
      const n = (payload as Partial<Reply> | null | undefined)?.n;
      if (type === "response" && n !== undefined) arrived[n] = (arrived[n] ?? 0) + 1;
    });
    const stopListening = transport.state.subscribe((change) => {
      if (change.type === "down") down = true;
    });
    const request = async (n: number): Promise<void> => {
      const asked = performance.now();
      open += 1;
      try {
        const reply = await ask(n, timeout);
        const now = performance.now();
        if (reply.n !== n || reply.square !== n * n) throw new Error(`request ${n} got the reply of another`);
        answered += 1;
        latencies.push(now - asked);
        if (!down) early.push(now - asked);
        longestPause = Math.max(longestPause, now - (last ?? now));
        last = now;
      } catch (error) {
        if (complaints.size < 3) complaints.add(isTightbeamError(error) ? `${error.code}: ${error.message}` : String(error));
      } finally {
        open -= 1;
      }
    };

    await Promise.all(Array.from({ length: total }, (_, n) => request(n)));
    const took = performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, afterglow));
    stopWatching();
    stopListening();
    return {
      total,
      lost: total - latencies.length,
      doubled: arrived.reduce((sum, times) => sum + Math.max(0, times - 1), 0),
      complaints: [...complaints],
      took,
      before: latencyOf(early),
      all: latencyOf(latencies),
      longestPause,
    };
  }

  return { run, progress: (): BurstProgress => ({ answered, open }) };
}

export function latencyOf(samples: readonly number[]): Latency {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) };
}
