import type { Clock } from "@tightbeam/core/transport";
import type { RelayCounters, RelayThroughput } from "./counters.js";

interface Sample extends RelayThroughput {
  readonly at: number;
}

const samplesKept = 10;

export interface Throughput {
  /** Once a second. */
  look(): void;
  rates(): RelayThroughput;
}

export function createThroughput(counters: Readonly<RelayCounters>, clock: Clock): Throughput {
  const sample = (): Sample => {
    const { framesIn, framesOut, bytesIn, bytesOut } = counters;
    return { at: clock.monotonic(), framesIn, framesOut, bytesIn, bytesOut };
  };
  const samples: Sample[] = [sample()];
  return {
    look() {
      samples.push(sample());
      if (samples.length > samplesKept) samples.shift();
    },
    rates() {
      const before = samples[0] as Sample;
      const now = sample();
      // Not over less than a second: one frame is not a thousand a second.
      const seconds = Math.max(1_000, now.at - before.at) / 1_000;
      const rate = (name: keyof RelayThroughput): number => (now[name] - before[name]) / seconds;
      return { framesIn: rate("framesIn"), framesOut: rate("framesOut"), bytesIn: rate("bytesIn"), bytesOut: rate("bytesOut") };
    },
  };
}
