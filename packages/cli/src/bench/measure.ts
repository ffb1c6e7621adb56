import type { Agent } from "@tightbeam/core";
import type { Clock } from "@tightbeam/core/runtime";

export interface Measured {
  readonly what: string;
  readonly inFlight: number;
  readonly bytes: number;
  readonly operations: number;
  readonly perSecond: number;
  /** ms; undefined where nobody answers. */
  readonly p50?: number;
  readonly p99?: number;
}

export interface Load {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly peer: string;
  readonly method: string;
  readonly bytes: number;
  /** How long each measurement takes. */
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** More samples say no more of a percentile, and would fill memory. */
const samplesMax = 100_000;

/** So many requests at once, each followed by the next when it is answered. Rejects with the first that fails. */
export async function measureRequests({ agent, clock, peer, method, bytes, ms, signal }: Load, inFlight: number): Promise<Measured> {
  const payload = new Uint8Array(bytes).fill(7);
  const took: number[] = [];
  let operations = 0;
  const began = clock.monotonic();
  const worker = async (): Promise<void> => {
    do {
      const sent = clock.monotonic();
      await agent.request(peer, method, payload, { signal });
      if (took.length < samplesMax) took.push(clock.monotonic() - sent);
      operations++;
    } while (clock.monotonic() - began < ms && !signal.aborted);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const sorted = took.sort((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { what: "request and reply", inFlight, bytes, operations, perSecond: rate(operations, clock.monotonic() - began), p50: at(0.5), p99: at(0.99) };
}

/** One notification after the other; the last one is confirmed, and with it all before it. */
export async function measureNotifications({ agent, clock, peer, method, bytes, ms, signal }: Load): Promise<Measured> {
  const payload = new Uint8Array(bytes).fill(7);
  const began = clock.monotonic();
  let operations = 0;
  while (clock.monotonic() - began < ms && !signal.aborted)
    for (let index = 0; index < 64; index++, operations++) await agent.notify(peer, method, payload, { signal });
  await agent.notify(peer, method, payload, { confirm: "done", timeout: 30_000, signal });
  return { what: "one way", inFlight: 0, bytes, operations: operations + 1, perSecond: rate(operations + 1, clock.monotonic() - began) };
}

const rate = (operations: number, ms: number): number => Math.round((operations / Math.max(ms, 1)) * 1_000);
const rounded = (ms: number): number => Number(ms.toPrecision(3));
