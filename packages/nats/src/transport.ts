import {
  type AwaitUsing,
  awaitUsing,
  countGarbage,
  createClosed,
  createTransportState,
  type Runtime,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import type { Backoff } from "./backoff.js";
import { describe } from "./causes.js";
import type { NatsConnection, NatsServerInfo } from "./connection.js";
import { createDenials } from "./denials.js";
import { createLine } from "./line.js";
import { createOutflow } from "./outflow.js";
import { watchStatus } from "./status.js";
import { queueOf, type Subjects } from "./subjects.js";
import { createSubscriptions } from "./subscriptions.js";

export interface TransportOptions {
  readonly connection: NatsConnection;
  /** `close()` closes the connection too. */
  readonly owned: boolean;
  /** For messages: the servers as they were given, or that the connection was passed in. */
  readonly where: string;
  readonly subjects: Subjects;
  readonly runtime: Runtime;
  readonly backoff: Backoff | undefined;
  readonly timeoutMs: number;
  readonly inboxBytes: number;
  readonly highWaterBytes: number;
  readonly maxFrameBytes: number;
}

/** What the contract lets every link count on. */
const smallestMaxFrameBytes = 21 * 1024;
/**
 * Server and client read at most 64 KiB at a time, and put together what is longer in memory of their own, which the receiver's engine then collects with its
 * whole heap: of small messages one way, frames of 128 KiB cost as much as these at best, and several times as much for seconds on end.
 */
const bestFrameBytes = 48 * 1024;
/** For each of the last flush and the client's own close. */
const closeTimeoutMs = 2_000;

/** A transport over a connection that is open. Rejects `unavailable` when the server does not answer in time and `unsupported` when it cannot carry frames. */
export async function createNatsTransport(options: TransportOptions): Promise<Transport & AwaitUsing> {
  const { connection, owned, where, subjects, runtime, backoff } = options;
  const { state, change } = createTransportState("down");
  const end = createClosed();
  const line = createLine(connection);
  const outflow = createOutflow(() => connection.flush(), options.highWaterBytes);
  const denials = createDenials(runtime.clock);
  const subscriptions = createSubscriptions({ connection, line, timers: runtime.timers, inboxBytes: options.inboxBytes, change });
  let maxFrameBytes = 0;
  let cause: TransportError | undefined;
  let complaint: unknown;
  let epoch = 0;
  let closing: Promise<void> | undefined;

  const finish = (why: TransportError | undefined) => {
    if (end.settled) return;
    epoch += 1;
    cause = why;
    subscriptions.end();
    end.settle(why);
    line.end(ended(why));
    outflow.lost(ended(why));
    change({ type: "down", cause: why });
  };
  const lost = () => {
    if (end.settled) return;
    epoch += 1;
    const why = describe(complaint, `The connection to ${where} was lost`, "unavailable");
    complaint = undefined;
    const passing = why.code === "unavailable" ? why : new TransportError("unavailable", why.message, { cause: why });
    line.setDown(passing);
    outflow.lost(passing);
    change({ type: "down", cause: why });
  };
  /** Goes up when the server has answered, and with that has taken every subscription that the client repeated. */
  const adopt = async () => {
    epoch += 1;
    const mine = epoch;
    const { info } = connection;
    if (info === undefined) return;
    const refusal = unfit(info, where);
    if (refusal !== undefined) {
      finish(refusal);
      await release();
      return;
    }
    denials.clear();
    subscriptions.renew();
    await line.roundTrip();
    if (mine !== epoch || end.settled) return;
    complaint = undefined;
    backoff?.reset();
    line.setUp();
    change({ type: "up" });
  };

  const stopWatching = watchStatus(connection, {
    disconnected: lost,
    dialling: () => backoff?.failed(),
    // A loss while it waits is followed by another reconnect, or by the end.
    reconnected: () => void adopt().catch(() => undefined),
    failed(error) {
      complaint = error;
    },
    publishDenied(subject, error) {
      const to = subjects.decode(subject);
      if (to === undefined) return;
      const denied = new TransportError("denied", `The NATS server does not let this side publish to ${to}; allow the subject ${subject}.`, { cause: error });
      denials.add(to, denied);
      change({ type: "send_failed", to, error: denied });
    },
  });
  const release = async () => {
    stopWatching();
    if (owned) await within(runtime, connection.close());
  };
  const gone = (error: unknown) => {
    stopWatching();
    finish(describe(error ?? complaint, `The connection to ${where} has ended`, owned ? "failed" : "closed"));
  };
  connection.closed().then((error) => gone(error ?? undefined), gone);

  const cancel = runtime.timers.after(options.timeoutMs, () => line.setDown(new TransportError("unavailable", `${where} did not answer in time.`)));
  try {
    await adopt();
  } catch (error) {
    finish(describe(error, `Could not use the connection to ${where}`, "unavailable"));
  } finally {
    cancel();
  }
  if (state.current === "down") {
    const why = cause ?? new TransportError("unavailable", `The connection to ${where} is not up now; try again.`);
    finish(why);
    await release();
    throw why;
  }

  return awaitUsing<Transport & AwaitUsing>({
    name: "nats",
    capabilities: {
      get maxFrameBytes() {
        const most = connection.info?.max_payload;
        if (most !== undefined && Number.isSafeInteger(most)) maxFrameBytes = Math.max(smallestMaxFrameBytes, Math.min(most, options.maxFrameBytes));
        return maxFrameBytes;
      },
      groups: true,
      fanout: true,
      bestFrameBytes,
    },
    state,
    closed: end.closed,
    send(to, frame) {
      // `info` goes before the client's status says so; what is published then would wait in its buffers and leave with the next connection.
      const { info } = connection;
      if (!line.up || info === undefined) return Promise.reject(end.settled ? ended(cause) : unavailable(where));
      const most = Math.min(info.max_payload, options.maxFrameBytes);
      if (frame.byteLength > most) return Promise.reject(tooLarge(frame.byteLength, most));
      const refused = denials.of(to);
      if (refused !== undefined) return Promise.reject(refused);
      if (!outflow.open) return Promise.reject(backlogFull(outflow.backlogMax));
      try {
        connection.publish(subjects.encode(to), frame);
        // The client copies it, with the protocol line before it.
        countGarbage(frame.byteLength);
      } catch (error) {
        return Promise.reject(
          error instanceof Error && error.name === "TightbeamError" ? error : describe(error, "The NATS client did not take the frame", "failed"),
        );
      }
      return outflow.add(frame.byteLength);
    },
    async subscribe(at, receive, { group } = {}) {
      if (end.settled) throw ended(cause);
      return subscriptions.add(at, subjects.encode(at), group === undefined ? undefined : queueOf(group), receive);
    },
    close() {
      closing ??= (async () => {
        const { up } = line;
        finish(undefined);
        // Not `drain()`, which can hang when it races a lost connection.
        if (up) await within(runtime, connection.flush());
        await release();
      })();
      return closing;
    },
  });
}

/** Why a server cannot carry frames, if it cannot. */
function unfit({ max_payload: most, headers }: NatsServerInfo, where: string): TransportError | undefined {
  if (!Number.isSafeInteger(most) || most < smallestMaxFrameBytes)
    return new TransportError(
      "unsupported",
      `The server at ${where} takes messages of at most ${most} bytes; set its max_payload to at least ${smallestMaxFrameBytes}.`,
    );
  if (headers !== true)
    return new TransportError(
      "unsupported",
      `The server at ${where} has no headers: it is older than 2.2, or has no_header_support set. Use a server that has them.`,
    );
  return undefined;
}

/** Settles when the client does, or after `closeTimeoutMs`. Never rejects. */
const within = ({ timers }: Runtime, promise: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const cancel = timers.after(closeTimeoutMs, resolve);
    const settled = () => {
      cancel();
      resolve();
    };
    promise.then(settled, settled);
  });

const ended = (cause: TransportError | undefined): TransportError => new TransportError("closed", "This transport has ended; connect another one.", { cause });
const unavailable = (where: string): TransportError =>
  new TransportError("unavailable", `There is no connection to ${where} now; send again when the state is up.`);
const tooLarge = (bytes: number, most: number): TransportError =>
  new TransportError("too_large", `A frame of ${bytes} bytes exceeds the server's ${most}; send smaller frames.`);
const backlogFull = (most: number): TransportError => new TransportError("unavailable", `More than ${most} bytes wait to be sent: await each send.`);
