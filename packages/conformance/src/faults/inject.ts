import {
  type Address,
  type AwaitUsing,
  awaitUsing,
  createTransportState,
  type Receive,
  type Runtime,
  type StateChange,
  systemRuntime,
  type Transport,
  TransportError,
} from "@tightbeam/core/transport";
import { type Decision, damage, decide, type Faults, settleFaults } from "./faults.js";
import { type Gate, gate } from "./gate.js";
import { createLine } from "./line.js";
import { seededRandom } from "./random.js";

/** Decisions kept in the trace. */
const traceMax = 10_000;

export interface FaultOptions extends Faults {
  /** Same seed, same sends and same clock: same faults. */
  readonly seed: number;
  /** Default: the machine's. With a virtual runtime everything is repeatable, times included. */
  readonly runtime?: Runtime | undefined;
}

/** Frames and what became of them. Frames sent while down or after the end are not counted. */
export interface FaultCounters {
  readonly sent: number;
  readonly dropped: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly truncated: number;
  readonly flipped: number;
  readonly stalled: number;
  /** Lost because they were on their way, or came, while cut. */
  readonly cut: number;
  /** Lost because more were on their way than the injector holds (16 MiB). */
  readonly overflowed: number;
}

/** A transport with faults on what it sends, and a hand on its medium. Every rule of the contract that does not need a lossless medium still holds. */
export interface FaultyTransport extends Transport, AwaitUsing {
  /** Changes the given faults and keeps the others. */
  set(faults: Faults): void;
  /** Takes this transport, not its medium, down: sends reject `unavailable`, what is on its way or comes in is lost. */
  cut(): void;
  restore(): void;
  /** Stalls the receivers at this address, or all: what comes waits in their inboxes. */
  pause(at?: Address): void;
  resume(at?: Address): void;
  readonly counters: FaultCounters;
  /** The last 10,000 decisions, oldest first. */
  readonly trace: readonly Decision[];
}

/** Wraps a transport. Closing the wrapper closes the transport; use only the wrapper from here on. */
export function injectFaults(transport: Transport, options: FaultOptions): FaultyTransport {
  const { seed, runtime = systemRuntime(), ...given } = options;
  let faults = settleFaults(given);
  const random = seededRandom(seed);
  const stallRandom = seededRandom(seed ^ 0x5bd1e995);
  const { state, change } = createTransportState(transport.state.current);
  const counters = { sent: 0, dropped: 0, duplicated: 0, reordered: 0, truncated: 0, flipped: 0, stalled: 0, cut: 0, overflowed: 0 };
  let trace: Decision[] = [];
  let isCut = false;
  let ended = false;
  let upAgain = gate();
  const paused = new Map<Address | "all", Gate>();

  const line = createLine(runtime, (to, frame) =>
    transport.send(to, frame).catch((error: unknown) => {
      if (error instanceof TransportError && error.code !== "unavailable" && error.code !== "closed") change({ type: "send_failed", to, error });
    }),
  );

  const comeUp = () => {
    if (isCut || transport.state.current === "down") return;
    change({ type: "up" });
    upAgain.open();
    upAgain = gate();
  };
  const goDown = (cause: TransportError | undefined) => {
    counters.cut += line.clear();
    change({ type: "down", cause });
  };
  const unsubscribeState = transport.state.subscribe((told: StateChange) => {
    if (told.type === "up") comeUp();
    else if (told.type === "down") goDown(told.cause);
    else change(told);
  });
  const closed = transport.closed.then((cause) => {
    ended = true;
    goDown(cause);
    unsubscribeState();
    upAgain.open();
    for (const one of paused.values()) one.open();
    paused.clear();
    return cause;
  });

  const remember = (decision: Decision) => {
    counters.sent += 1;
    if (decision.dropped) counters.dropped += 1;
    if (decision.copies > 1) counters.duplicated += 1;
    if (decision.truncatedTo !== undefined) counters.truncated += 1;
    if (decision.flipped !== undefined) counters.flipped += 1;
    if (!decision.dropped && decision.behind > 0) counters.reordered += 1;
    trace.push(decision);
    if (trace.length >= 2 * traceMax) trace = trace.slice(-traceMax);
  };
  const carry = (to: Address, frame: Uint8Array, { behind, delay }: Decision): Promise<void> => {
    if (behind > 0 || delay > 0 || !line.empty) {
      const held = behind > 0 ? line.holdBehind(to, frame, behind) : line.hold(to, frame, delay);
      if (!held) counters.overflowed += 1;
      return line.pressure();
    }
    const sent = transport.send(to, frame);
    line.departed();
    return sent;
  };

  const slowly = (at: Address, receive: Receive, live: () => boolean): Receive => {
    const handOver = (frame: Uint8Array): void | Promise<void> => {
      if (isCut) {
        counters.cut += 1;
        return undefined;
      }
      return receive(frame);
    };
    const wait = async (frame: Uint8Array, ms: number): Promise<void> => {
      if (ms > 0) await new Promise<void>((resolve) => void runtime.timers.after(ms, resolve));
      for (let stop = stopAt(at); stop !== undefined; stop = stopAt(at)) await stop.passed;
      if (live()) await handOver(frame);
    };
    return (frame) => {
      const stalls = faults.stall.probability > 0 && stallRandom() < faults.stall.probability;
      if (stalls) counters.stalled += 1;
      return stalls || stopAt(at) !== undefined ? wait(frame, stalls ? faults.stall.ms : 0) : handOver(frame);
    };
  };
  const stopAt = (at: Address): Gate | undefined => paused.get("all") ?? paused.get(at);

  return awaitUsing<FaultyTransport>({
    ...(transport.instance === undefined ? {} : { instance: transport.instance }),
    capabilities: transport.capabilities,
    state,
    closed,
    async send(to, frame) {
      if (ended || transport.state.current === "down" || frame.byteLength > transport.capabilities.maxFrameBytes) return transport.send(to, frame);
      if (isCut) throw new TransportError("unavailable", "The fault injector has cut this transport; it works again after restore().");
      const decision = decide(random, faults, counters.sent, to, frame.byteLength);
      remember(decision);
      if (decision.copies === 0) return;
      const damaged = damage(frame, decision);
      const first = carry(to, damaged, decision);
      if (decision.copies === 1) return first;
      await Promise.all([first, carry(to, damaged, { ...decision, behind: 0 })]);
    },
    async subscribe(at, receive, subscribing) {
      while (isCut && !ended) await upAgain.passed;
      let live = true;
      const unsubscribe = await transport.subscribe(
        at,
        slowly(at, receive, () => live && !ended),
        subscribing,
      );
      return () => {
        live = false;
        return unsubscribe();
      };
    },
    close() {
      line.flush();
      return transport.close();
    },
    set(more) {
      faults = settleFaults({ ...faults, ...more });
    },
    cut() {
      if (isCut || ended) return;
      isCut = true;
      goDown(new TransportError("unavailable", "The fault injector has cut this transport."));
    },
    restore() {
      if (!isCut || ended) return;
      isCut = false;
      comeUp();
    },
    pause(at) {
      if (!ended && !paused.has(at ?? "all")) paused.set(at ?? "all", gate());
    },
    resume(at) {
      const key = at ?? "all";
      paused.get(key)?.open();
      paused.delete(key);
    },
    get counters() {
      return { ...counters };
    },
    get trace() {
      return trace.slice(-traceMax);
    },
  });
}
