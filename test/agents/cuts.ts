import type { FaultyTransport } from "@tightbeam/conformance/faults";
import { createVirtualRuntime } from "@tightbeam/core/runtime";

export interface Cuts {
  /** Mends what is cut, and leaves it so until `go()`. */
  stop(): void;
  go(): void;
}

/** Cuts each of the transports for 10 to 50 ms, the first time within 0.3 s and then once a second or so; the times come from the seed. */
export function cutNowAndThen(transports: readonly FaultyTransport[], seed: number): Cuts {
  const { random } = createVirtualRuntime({ seed });
  const between = (from: number, to: number): number => from + ((random.bytes(1)[0] as number) / 256) * (to - from);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const mend = (): void => {
    for (const transport of transports) transport.restore();
  };
  const cutIn = (ms: number): void => {
    timer = setTimeout(() => {
      for (const transport of transports) if (between(0, 1) < 0.7) transport.cut();
      timer = setTimeout(
        () => {
          mend();
          cutIn(between(500, 1_500));
        },
        between(10, 50),
      );
    }, ms);
  };
  const go = (): void => cutIn(between(20, 300));
  go();
  return {
    stop() {
      clearTimeout(timer);
      mend();
    },
    go,
  };
}
