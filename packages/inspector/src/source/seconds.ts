import type { LinkStatus, MessageMoment, Priority } from "@tightbeam/core";
import { latencyBounds } from "../feed/protocol.js";
import type { SourceSecond } from "./types.js";

export interface Seconds {
  /** `share`: which part of the messages is looked at. */
  add(moment: MessageMoment, share: number): void;
  /** What it was since the last one. */
  end(at: number, span: number, links: readonly CountedLink[]): SourceSecond;
}

/** Of a link's status: what is counted. */
export interface CountedLink {
  readonly key: string;
  readonly counters: Pick<LinkStatus["counters"], "messagesSent" | "messagesReceived">;
  readonly queue: Readonly<Record<Priority, number>>;
  readonly inFlightBytes: number;
}

interface Counted {
  readonly sent: number;
  readonly received: number;
}

/** Messages are counted by the links themselves, which is exact; bytes and latencies by what was looked at, for as many as that stands for. */
export function createSeconds(): Seconds {
  let before = new Map<string, Counted>();
  let failed = 0;
  let bytesSent = 0;
  let bytesReceived = 0;
  let slowest = 0;
  let buckets = emptyBuckets();

  return {
    add({ what, type, direction, bytes, duration }, share) {
      const weight = share > 0 ? 1 / share : 1;
      if (what === "queued") bytesSent += bytes * weight;
      else if (what === "delivered") bytesReceived += bytes * weight;
      else if (what === "failed" || what === "expired") failed += 1;
      else if (what === "answered" && type === "request" && direction === "sent" && duration !== undefined) {
        const at = bucketOf(duration);
        buckets[at] = (buckets[at] as number) + weight;
        slowest = Math.max(slowest, duration);
      }
    },
    end(at, span, links) {
      const now = new Map<string, Counted>();
      const total = { sent: 0, received: 0 };
      const queue = { critical: 0, high: 0, normal: 0, low: 0 };
      let inFlightBytes = 0;
      for (const { key, counters, queue: own, inFlightBytes: flying } of links) {
        const last = before.get(key);
        const { messagesSent: sent, messagesReceived: received } = counters;
        // A new link with the same instance counts from nothing.
        const goesOn = last !== undefined && sent >= last.sent && received >= last.received;
        total.sent += goesOn ? sent - last.sent : sent;
        total.received += goesOn ? received - last.received : received;
        for (const priority of priorities) queue[priority] += own[priority];
        inFlightBytes += flying;
        now.set(key, { sent, received });
      }
      before = now;
      const second = { at, span, ...total, failed, bytesSent, bytesReceived, buckets: buckets.map(Math.round), slowest, queue, inFlightBytes };
      failed = 0;
      bytesSent = 0;
      bytesReceived = 0;
      slowest = 0;
      buckets = emptyBuckets();
      return { ...second, bytesSent: Math.round(second.bytesSent), bytesReceived: Math.round(second.bytesReceived) };
    },
  };
}

export const priorities = ["critical", "high", "normal", "low"] as const;

const emptyBuckets = (): number[] => Array.from({ length: latencyBounds.length + 1 }, () => 0);

function bucketOf(duration: number): number {
  const at = latencyBounds.findIndex((bound) => duration <= bound);
  return at < 0 ? latencyBounds.length : at;
}
