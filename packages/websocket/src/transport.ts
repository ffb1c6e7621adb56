import {
  type Address,
  type AwaitUsing,
  awaitUsing,
  createClosed,
  createTransportState,
  isAddress,
  isAgentId,
  TightbeamError,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import { reconnectDelay } from "./backoff.js";
import { type DialOptions, dial, type Line } from "./dial.js";
import { createLiveness, type Liveness } from "./liveness.js";
import { asciiBytes, encodeBefore, encodeFrame, type Frame, frameType, frontBytes, noBytes, parseError, parseWelcome } from "./protocol.js";
import { reasonOf, refusal } from "./reasons.js";
import { keepRenewed, type Renewal } from "./renewal.js";
import { createSubscriptions } from "./subscriptions.js";

export interface WebSocketTransport extends Transport, AwaitUsing {
  readonly instance: string;
}

export interface TransportOptions {
  readonly dial: DialOptions;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly inboxBytes: number;
  readonly highWaterBytes: number;
}

/** A line that was up at least this long was a good one: the next retry is a first one again. */
const stableMs = 1_000;
/** What the contract lets every link count on. */
const smallestMaxFrameBytes = 21 * 1024;
const namesMax = 1_024;
/** A caller that does not await its sends is stopped here instead of filling the memory. */
const backlogFactor = 64;

const done: Promise<void> = Promise.resolve();

/** Dials once, then keeps the line up until `close`, or until the relay says `replaced`. Rejects as `dial` does. */
export async function createWebSocketTransport(options: TransportOptions): Promise<WebSocketTransport> {
  const { runtime, identity, instance, url, timeoutMs } = options.dial;
  const { timers, clock, random } = runtime;
  const { state, change } = createTransportState("down");
  const end = createClosed();
  const names = new Map<string, Uint8Array>();
  const backlogMax = options.highWaterBytes * backlogFactor;
  let line: Line | undefined;
  let liveness: Liveness | undefined;
  let renewal: Renewal | undefined;
  let upSince = 0;
  let attempt = 0;
  let number = 0;
  let maxFrameBytes = 0;
  let cancelRetry = () => {};
  let cancelTick = () => {};
  let cause: TransportError | undefined;

  const nextNumber = () => {
    number = number === 0xffff_ffff ? 1 : number + 1;
    return number;
  };
  const subscriptions = createSubscriptions({
    runtime,
    inboxBytes: options.inboxBytes,
    nextNumber,
    wire: () => line?.wire,
    stuck: (wire) => wire.destroy(),
    timeoutMs,
    change,
  });

  const onFrame = (frame: Frame) => {
    if (liveness !== undefined) liveness.heard = true;
    if (subscriptions.take(frame)) return;
    if (frame.type === frameType.ping) {
      // A relay that asks and does not read must not fill our memory with answers.
      if (line !== undefined && line.wire.buffered < options.highWaterBytes) line.wire.send(encodeFrame(frameType.pong, frame.request, noBytes, noBytes));
    } else if (frame.type === frameType.welcome) renewal?.renewed(parseWelcome(frame.body));
    else if (frame.type === frameType.err && frame.address !== "") {
      const error = refusal(reasonOf(parseError(frame.body).reason), `The relay refused a frame to ${frame.address}`);
      change({ type: "send_failed", to: frame.address, error });
    }
  };

  const leave = () => {
    line = undefined;
    liveness = undefined;
    cancelTick();
    renewal?.stop();
  };
  const finish = (why: TransportError | undefined) => {
    if (end.settled) return;
    cause = why;
    cancelRetry();
    leave();
    end.settle(why);
    subscriptions.end(ended(why));
    change({ type: "down", cause: why });
  };
  const onEnded = (why: TransportError) => {
    if (line === undefined) return;
    const stable = state.current === "up" && clock.monotonic() - upSince >= stableMs;
    leave();
    if (why.code === "replaced") return finish(why);
    if (stable) attempt = 0;
    change({ type: "down", cause: why });
    retry();
  };
  const retry = () => {
    if (end.settled) return;
    const delay = reconnectDelay(random, attempt, options.reconnectMinMs, options.reconnectMaxMs);
    attempt += 1;
    cancelRetry = timers.after(delay, () => {
      connect().catch(retry);
    });
  };
  const beat = (heartbeatMs: number) => {
    cancelTick = timers.after(
      heartbeatMs / 2,
      () => {
        liveness?.tick();
        if (line !== undefined) beat(heartbeatMs);
      },
      { background: true },
    );
  };

  const connect = async () => {
    const fresh = await dial(options.dial, { frame: onFrame, ended: onEnded });
    if (end.settled) return void fresh.wire.close();
    line = fresh;
    const { wire, welcome } = fresh;
    if (welcome.maxFrameBytes < smallestMaxFrameBytes || welcome.heartbeatMs < 100) {
      leave();
      wire.destroy();
      throw new TransportError(
        "failed",
        `The relay at ${url.origin} takes frames of at most ${welcome.maxFrameBytes} bytes; at least ${smallestMaxFrameBytes} are needed.`,
      );
    }
    maxFrameBytes = Math.min(welcome.maxFrameBytes, options.dial.maxMessageBytes);
    liveness = createLiveness(
      () => wire.send(encodeFrame(frameType.ping, 0, noBytes, noBytes)),
      () => wire.destroy(),
    );
    beat(welcome.heartbeatMs);
    renewal = keepRenewed(fresh, identity, url.origin, runtime, nextNumber);
    const cancelStuck = timers.after(timeoutMs, () => wire.destroy(), { background: true });
    await subscriptions.restore(wire);
    cancelStuck();
    if (line !== fresh) return;
    upSince = clock.monotonic();
    change({ type: "up" });
  };
  await connect();
  if (line === undefined) {
    const gone = new TransportError("unavailable", `The connection to ${url.origin} ended as soon as it was made.`);
    finish(gone);
    throw gone;
  }

  const learn = (to: Address): Uint8Array | undefined => {
    if (!isAddress(to)) return undefined;
    if (names.size >= namesMax) names.clear();
    const name = asciiBytes(to);
    names.set(to, name);
    return name;
  };
  const pressure = async (on: Line): Promise<void> => {
    await on.wire.drained(options.highWaterBytes);
    if (line === on) return;
    if (!end.settled) throw new TransportError("unavailable", "The connection to the relay was lost while this frame waited; it may not have left.");
    if (cause !== undefined) throw ended(cause);
  };

  return awaitUsing<WebSocketTransport>({
    instance,
    name: "websocket",
    capabilities: {
      get maxFrameBytes() {
        return maxFrameBytes;
      },
      groups: true,
      fanout: true,
      frontBytes,
    },
    state,
    closed: end.closed,
    send(to, frame, given = false) {
      if (line === undefined || state.current === "down") return Promise.reject(end.settled ? ended(cause) : unavailable(url));
      if (frame.byteLength > maxFrameBytes) return Promise.reject(tooLarge(frame.byteLength, maxFrameBytes));
      const name = names.get(to) ?? learn(to);
      if (name === undefined) return Promise.reject(notAnAddress());
      const { wire } = line;
      if (wire.buffered > backlogMax) return Promise.reject(backlogFull(backlogMax));
      if (given && frame.byteOffset >= frontBytes) wire.send(encodeBefore(frameType.send, 0, name, frame), true);
      else wire.send(encodeFrame(frameType.send, 0, name, frame));
      return wire.buffered < options.highWaterBytes ? done : pressure(line);
    },
    async subscribe(at, receive, { group } = {}) {
      if (end.settled) throw ended(cause);
      if (!isAddress(at)) throw notAnAddress();
      if (group !== undefined && !isAgentId(group)) throw new TightbeamError("invalid_argument", "A group is named like an agent: [realm/]name.");
      return subscriptions.add(at, receive, group);
    },
    async close() {
      const last = line;
      finish(undefined);
      await last?.wire.close();
    },
  });
}

const ended = (cause: TransportError | undefined): TransportError => new TransportError("closed", "This transport has ended; connect another one.", { cause });
const unavailable = (url: URL): TransportError =>
  new TransportError("unavailable", `There is no connection to the relay ${url.origin} now; send again when the state is up.`);
const tooLarge = (bytes: number, most: number): TransportError =>
  new TransportError("too_large", `A frame of ${bytes} bytes exceeds the relay's ${most}; send smaller frames.`);
const backlogFull = (most: number): TransportError => new TransportError("unavailable", `More than ${most} bytes wait to be sent: await each send.`);
const notAnAddress = (): TightbeamError => new TightbeamError("invalid_address", "Addresses come from address(); this string is outside the grammar.");
