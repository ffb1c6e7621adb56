import { type Address, type AddressTable, isAddress, type Runtime } from "@tightbeam/core/transport";
import { headerBytes, parseFrame } from "../protocol.js";
import type { Reason } from "../reasons.js";
import { createBudget } from "./budget.js";
import type { Copies } from "./copies.js";
import type { RelayCounters } from "./counters.js";
import type { Lease } from "./lease.js";
import type { RelayLimits } from "./limits.js";
import type { SendRules } from "./policy.js";
import type { Socket } from "./socket.js";

const throttleWindowMs = 100;
const namesMax = 1_024;

export interface ForwardOptions {
  readonly runtime: Runtime;
  readonly limits: RelayLimits;
  readonly table: AddressTable;
  readonly counters: RelayCounters;
  readonly lease: Lease;
  /** Of the agent whose socket it is. */
  readonly copies: Copies;
  readonly socket: Socket;
  readonly rules: SendRules;
  readonly refuse: (to: Address, reason: Reason) => void;
  readonly malformed: () => void;
}

/** What happens to every SEND of one socket: the path everything runs over, so it reads, checks and asks the policy once for each address. */
export function createForward({ socket, rules, refuse, malformed, runtime, limits, table, counters, lease, copies }: ForwardOptions): (bytes: Buffer) => void {
  const throttle = createThrottle(socket, runtime, limits, () => {
    counters.throttled += 1;
  });
  /** Addresses by their bytes as they came. */
  const names = new Map<string, Address>();
  const learn = (name: string, bytes: Uint8Array): Address | undefined => {
    if (!isAddress(name) || !parses(bytes)) return undefined;
    if (names.size >= namesMax) names.clear();
    names.set(name, name);
    return name;
  };
  const route = (to: Address) => (frame: Uint8Array) => {
    const count = table.route(to, frame);
    if (count > 1) copies.made(to, count - 1);
  };

  return (bytes) => {
    throttle();
    if (bytes.length < headerBytes) return malformed();
    const start = headerBytes + (((bytes[5] as number) << 8) | (bytes[6] as number));
    const name = start > bytes.length ? "" : bytes.toString("latin1", headerBytes, start);
    const to = names.get(name) ?? learn(name, bytes);
    if (to === undefined || bytes[1] || bytes[2] || bytes[3] || bytes[4]) return malformed();
    const size = bytes.length - start;
    if (size > limits.maxFrameBytes) return refuse(to, "too_large");
    if (!rules.allows(to)) {
      counters.forbidden += 1;
      return refuse(to, "forbidden");
    }
    counters.framesIn += 1;
    counters.bytesIn += size;
    if (copies.refuses(to)) {
      counters.framesDropped += 1;
      return;
    }
    lease.offer(bytes.subarray(start), bytes.byteLength === bytes.buffer.byteLength, route(to));
  };
}

/** Reading on later is enough: TCP slows the sender down and nothing is lost. What `ws` has read already still comes. */
function createThrottle(socket: Socket, runtime: Runtime, limits: RelayLimits, began: () => void): () => void {
  const budget = createBudget(runtime.clock, Math.max(1, Math.floor((limits.framesPerSecond * throttleWindowMs) / 1_000)), throttleWindowMs);
  let throttled = false;
  return () => {
    const wait = budget.take();
    if (wait === 0 || throttled) return;
    throttled = true;
    began();
    socket.pause();
    runtime.timers.after(
      wait,
      () => {
        throttled = false;
        socket.resume();
      },
      { background: true },
    );
  };
}

function parses(bytes: Uint8Array): boolean {
  try {
    parseFrame(bytes);
    return true;
  } catch {
    return false;
  }
}
