import type { Runtime } from "../runtime/runtime.js";
import type { Session } from "../secure/types.js";
import { TransportError } from "../transport/transport.js";
import { createCellBuffer, putClose } from "./cells.js";
import { type CellVisitor, readCells } from "./read-cells.js";

/** CLOSE can be lost like any record: who ends the link says it again until the peer has said it too; the peer says it once for each it gets. */
export interface Goodbye {
  /** A frame of the session that is being closed. */
  receive(frame: Uint8Array): void;
  /** Settles when the peer has answered, or nothing more will be said. */
  readonly over: Promise<void>;
}

const repeats = 5;
const firstRepeatMs = 75;
const lingerMs = firstRepeatMs * 2 ** repeats;
const ignore = (): void => undefined;
const isUnavailable = (error: unknown): boolean => error instanceof TransportError && error.code === "unavailable";

export function sayGoodbye(options: {
  runtime: Runtime;
  session: Session;
  code: string;
  answering: boolean;
  send: (frame: Uint8Array) => Promise<void>;
  onOver: () => void;
}): Goodbye {
  const { runtime, session, send, answering } = options;
  const buffer = createCellBuffer(80);
  const length = putClose(buffer, 0, options.code);
  let said = 0;
  let cancel: () => void = ignore;
  let settle: () => void = ignore;
  const over = new Promise<void>((resolve) => (settle = resolve));

  const stop = (): void => {
    cancel();
    session.end();
    options.onOver();
    settle();
  };

  const say = (): void => {
    if (said++ === repeats) return stop();
    try {
      // A transport that is away for a moment may be back for the next one.
      send(session.seal(buffer.bytes.subarray(0, length))).catch((error: unknown) => {
        if (!isUnavailable(error)) stop();
      });
    } catch {
      return stop();
    }
    if (answering && said > 1) return;
    const [ms, then] = answering ? [lingerMs, stop] : [firstRepeatMs * 2 ** (said - 1), say];
    cancel = runtime.timers.after(ms, then, { background: true });
  };

  const visitor: CellVisitor = { sequenced: ignore, ack: ignore, credit: ignore, ping: ignore, pong: ignore, closed: answering ? say : stop };
  say();
  return {
    receive(frame) {
      const record = session.open(frame);
      if (record !== undefined) readCells(record, visitor);
    },
    over,
  };
}
