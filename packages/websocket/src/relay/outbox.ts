import type { Clock, Member } from "@tightbeam/core/transport";
import { encodeDropped, encodeFrame, frameType, noBytes } from "../protocol.js";
import { copiedBelowBytes } from "../wire/ws.js";
import type { RelayCounters } from "./counters.js";
import type { Lease } from "./lease.js";
import type { RelayLimits } from "./limits.js";
import type { Socket } from "./socket.js";

/** What leaves on one socket. A receiver that stops reading loses its newest frames, hears of it when it reads again, and costs nobody else anything (clause T7). */
export interface Outbox {
  /** Where the table puts frames for this subscription. */
  member(number: number): Member;
  forget(number: number): void;
  /** Takes the present bound. True when frames were dropped and nothing got better for `slowConsumerMs`. */
  stalled(bound: number): boolean;
}

export function createOutbox(socket: Socket, limits: RelayLimits, clock: Clock, counters: RelayCounters, lease: Lease): Outbox {
  const dropped = new Map<number, { frames: number; bytes: number }>();
  let bound = limits.outgoingBytes;
  let slowSince: number | undefined;

  const drop = (number: number, frame: Uint8Array) => {
    counters.framesDropped += 1;
    slowSince ??= clock.monotonic();
    const count = dropped.get(number) ?? { frames: 0, bytes: 0 };
    count.frames += 1;
    count.bytes += frame.byteLength;
    dropped.set(number, count);
  };
  const report = () => {
    slowSince = undefined;
    if (dropped.size === 0) return;
    for (const [number, count] of dropped) socket.send(encodeFrame(frameType.dropped, number, noBytes, encodeDropped(count)));
    dropped.clear();
  };
  socket.onDrain(report);

  return {
    member: (number) => ({
      deliver(frame) {
        const { byteLength } = frame;
        if (socket.buffered + byteLength > bound) return drop(number, frame);
        counters.framesOut += 1;
        counters.bytesOut += byteLength;
        const head = encodeFrame(frameType.msg, number, noBytes, noBytes);
        if (byteLength < copiedBelowBytes || lease.take(frame)) return socket.sendParts(head, frame);
        const { bytes, done } = lease.copy(frame);
        socket.sendParts(head, bytes, done);
      },
    }),
    forget(number) {
      dropped.delete(number);
    },
    stalled(present) {
      bound = present;
      if (slowSince === undefined) return false;
      if (socket.buffered < bound / 2) {
        report();
        return false;
      }
      return clock.monotonic() - slowSince >= limits.slowConsumerMs;
    },
  };
}
