import type { Runtime } from "@tightbeam/core/transport";
import type { RelayLimits } from "./limits.js";
import { every } from "./listen.js";
import type { Session } from "./session.js";
import type { Throughput } from "./throughput.js";

const lookEveryMs = 1_000;

export interface RoundsOptions {
  readonly runtime: Runtime;
  readonly limits: RelayLimits;
  readonly sessions: ReadonlySet<Session>;
  readonly throughput: Throughput;
}

/** What a relay looks at again and again: who is silent, who reads slowly or has a token that ran out, whose token counts no more. Returns what ends it. */
export function startRounds({ runtime, limits, sessions, throughput }: RoundsOptions): () => void {
  const { clock } = runtime;
  const stops = [
    every(runtime, limits.heartbeatMs / 2, () => {
      for (const session of sessions) session.beat();
    }),
    every(runtime, lookEveryMs, () => {
      throughput.look();
      let waiting = 0;
      let slow = 0;
      for (const { buffered } of sessions) {
        waiting += buffered;
        if (buffered > limits.maxFrameBytes) slow += 1;
      }
      const fair = waiting > limits.outgoingTotalBytes ? Math.max(limits.maxFrameBytes, limits.outgoingTotalBytes / Math.max(1, slow)) : limits.outgoingBytes;
      const bound = Math.min(limits.outgoingBytes, fair);
      const now = clock.wall();
      for (const session of sessions) session.look(now, bound);
    }),
    every(runtime, limits.recheckMs, () => {
      const now = clock.wall();
      for (const session of sessions) void session.recheck(now);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
