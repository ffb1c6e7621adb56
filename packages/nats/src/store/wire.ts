import type { Runtime } from "@tightbeam/core/runtime";
import { watchStatus } from "../status.js";
import type { JetStreamConnection, NatsReply } from "./connection.js";
import { clientFailure, Failure, passes } from "./failure.js";

/** Requests over a connection that may be lost at any moment: each settles, also when the client would wait. */
export interface Wire {
  /** What the server takes now. */
  readonly maxPayload: number;
  /** Rejects a `Failure`. After `unavailable` the server may have done it all the same, and may still do it. */
  request(subject: string, body: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<NatsReply>;
  /** The first `count` answers. Rejects `unavailable` when fewer come. */
  requestMany(subject: string, body: Uint8Array, count: number): Promise<NatsReply[]>;
  /** Runs again what fails for now, after growing pauses and at once after a reconnect, for as long as `patient` says. */
  persist<T>(run: () => Promise<T>, patient: () => boolean): Promise<T>;
  pause(ms: number): Promise<void>;
  close(): void;
}

const pauseMinMs = 25;
const pauseMaxMs = 1_000;

export function createWire(connection: JetStreamConnection, runtime: Runtime, timeoutMs: number): Wire {
  const outstanding = new Set<(why: Failure) => void>();
  const paused = new Set<() => void>();
  let down = false;
  let over = false;

  const lose = (why: Failure): void => {
    for (const reject of [...outstanding]) reject(why);
  };
  const wake = (): void => {
    for (const resume of [...paused]) resume();
  };
  const stop = watchStatus(connection, {
    disconnected() {
      down = true;
      lose(new Failure("unavailable", "the connection was lost"));
    },
    dialling: () => undefined,
    reconnected() {
      down = false;
      wake();
    },
    publishDenied: () => undefined,
    failed: () => undefined,
  });
  const end = (): void => {
    over = true;
    lose(new Failure("ended", "the connection is closed"));
    wake();
  };
  connection.closed().then(end, end);

  const guarded = <T>(start: () => Promise<T>): Promise<T> => {
    if (over || connection.isClosed()) return Promise.reject(new Failure("ended", "the connection is closed"));
    if (down) return Promise.reject(new Failure("unavailable", "the connection is lost"));
    return new Promise((resolve, reject) => {
      const settle = (): void => void outstanding.delete(lost);
      const lost = (why: Failure): void => {
        settle();
        reject(why);
      };
      outstanding.add(lost);
      start().then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          const failure = clientFailure(error);
          reject(failure.kind === "ended" && !connection.isClosed() ? new Failure("unavailable", failure.message, error) : failure);
        },
      );
    });
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const resume = (): void => {
        paused.delete(resume);
        cancel();
        resolve();
      };
      const cancel = runtime.timers.after(ms, resume);
      paused.add(resume);
    });

  return {
    get maxPayload() {
      return connection.info?.max_payload ?? 1024 * 1024;
    },
    async request(subject, body, headers) {
      const options = headers === undefined ? { timeout: timeoutMs } : { timeout: timeoutMs, headers: protocolHeaders(headers) };
      const reply = await guarded(() => connection.request(subject, body, options));
      if (reply.headers?.code === 503) throw new Failure("nobody", "nobody answers there");
      return reply;
    },
    requestMany: (subject, body, count) =>
      guarded(async () => {
        const replies: NatsReply[] = [];
        // A subscription of their own: messages of a stream come under their own subjects, and what requests share would not know them.
        for await (const reply of await connection.requestMany(subject, body, { strategy: "count", maxMessages: count, maxWait: timeoutMs, noMux: true })) {
          if ((reply.headers?.code ?? 0) >= 400) throw new Failure("unavailable", "the consumer is gone");
          replies.push(reply);
        }
        if (replies.length < count) throw new Failure("unavailable", "not all of what was asked for came");
        return replies;
      }),
    async persist(run, patient) {
      for (let bound = pauseMinMs; ; bound = Math.min(pauseMaxMs, bound * 2)) {
        try {
          return await run();
        } catch (error) {
          if (!passes(error) || !patient()) throw error;
        }
        const [chance = 0] = runtime.random.bytes(1);
        await pause((bound * (chance + 1)) / 256);
      }
    },
    pause,
    close() {
      over = true;
      stop();
    },
  };
}

const text = new TextEncoder();

/** As they stand on the wire. Both generations of clients ask the object for its bytes; open() proves that they arrive. */
const protocolHeaders = (headers: Readonly<Record<string, string>>): { encode(): Uint8Array } => ({
  encode: () =>
    text.encode(
      `NATS/1.0\r\n${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("")}\r\n`,
    ),
});
