import { type AwaitUsing, awaitUsing } from "./disposable.js";
import { checkKnown } from "./known-options.js";

export interface CloseOptions {
  readonly drain?: number | undefined;
}

export interface Closing {
  readonly begun: boolean;
  /** What the agent has of it. */
  readonly members: { close(options?: CloseOptions): Promise<void> } & AwaitUsing;
}

/** The end of an agent: once, as whoever asks first wants it. `shutDown`: ms to drain. */
export function createClosing(shutDown: (drain: number) => Promise<void>): Closing {
  let closing: Promise<void> | undefined;

  const close = async (options: CloseOptions = {}): Promise<void> => {
    checkKnown("close()", options, ["drain"]);
    closing ??= shutDown(options.drain ?? 0);
    await closing;
  };

  return {
    get begun() {
      return closing !== undefined;
    },
    members: awaitUsing({ close }),
  };
}
