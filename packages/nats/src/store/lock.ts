import type { Runtime } from "@tightbeam/core/runtime";
import { TightbeamError } from "@tightbeam/core/store";
import type { Chain } from "./chain.js";
import { kindOf } from "./failure.js";
import type { JetStream, StreamInfo } from "./jetstream.js";
import type { Layout } from "./layout.js";

/** What the message under `lock` says. */
export interface Lock {
  readonly held: boolean;
  /** ms of silence after which the holder counts as dead. */
  readonly lease: number;
  /** Records of the log up to this one stand under their own subjects. Undefined while the one before was lost and the log was not read yet. */
  readonly floor: number | undefined;
}

const format = 1;
const pollMs = 250;
export const leaseMaxMs = 600_000;
export const defaultLease = 10_000;

export function encodeLock({ held, lease, floor }: Lock): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ format, held, lease, floor: floor ?? null }));
}

function decodeLock(body: Uint8Array): Lock {
  let found: Partial<Record<"format" | "held" | "lease" | "floor", unknown>> | null;
  try {
    found = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw noLock();
  }
  const { format: written, held, lease, floor } = found ?? {};
  if (typeof written === "number" && written > format)
    throw new TightbeamError("store_too_new", "The store was written by a newer version of @tightbeam/nats. Upgrade.");
  if (written !== format || typeof held !== "boolean" || !isWhole(lease) || lease > leaseMaxMs || !(floor === null || isWhole(floor))) throw noLock();
  return { held, lease, floor: floor ?? undefined };
}

const isWhole = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const noLock = (): TightbeamError => new TightbeamError("store_damaged", "The bucket is no store of Tightbeam, or its lock is damaged.");
export const taken = (): TightbeamError =>
  new TightbeamError(
    "store_failed",
    "Another process has taken the store over: this one was silent for longer than its lease. Open the store again when the other is done.",
  );
export const locked = (): TightbeamError =>
  new TightbeamError("store_locked", "Another process has the store open. It is free when that process closes it, or has been silent for its lease.");

export interface Free {
  /** The number of the stream's last message. */
  readonly last: number;
  /** Unknown when there is no lock. */
  readonly floor: number | undefined;
}

/**
 * Waits until nobody holds the store. Whoever appends the next message has the store.
 * A holder writes at least three times in a lease, so silence is seen without comparing clocks. Rejects `store_locked` as soon as it writes.
 */
export async function untilFree(api: JetStream, layout: Layout, info: StreamInfo, runtime: Runtime): Promise<Free> {
  const { last } = info;
  const found = await api.message({ last_by_subj: layout.lock }).catch((error: unknown) => {
    if (kindOf(error) === "none") return undefined;
    throw error;
  });
  if (found === undefined && last === 0) return { last, floor: 0 };
  // In an account that is full, the server takes the old lock away for a new one that it does not keep.
  if (found === undefined && !(await isOurs(api, layout))) throw noLock();
  const { held, lease, floor } = found === undefined ? { held: true, lease: defaultLease, floor: undefined } : decodeLock(found.body);
  const end = runtime.clock.monotonic() + lease;
  for (let left = lease; held && left > 0; left = end - runtime.clock.monotonic()) {
    await new Promise<void>((resolve) => void runtime.timers.after(Math.min(left, pollMs), resolve));
    if ((await api.info()).last !== last) throw locked();
  }
  // Written after the first look at the stream: then somebody lives.
  if (found !== undefined && found.sequence > last) throw locked();
  return { last, floor };
}

/** Whether what is in the bucket was written by a store, judged by at most 100,000 of its subjects. */
async function isOurs(api: JetStream, layout: Layout): Promise<boolean> {
  const subjects = await api.subjects();
  return subjects.length > 0 && subjects.every((subject) => layout.keyOf(subject) !== undefined || layout.isLog(subject));
}

/** Writes when nothing else was written, so that others see that the holder lives. */
export function keepAlive(chain: Chain, lease: number, { timers }: Runtime, write: () => Promise<unknown>): () => void {
  let seen = chain.last;
  let cancel = (): void => undefined;
  const arm = (): void => {
    cancel = timers.after(
      lease / 4,
      () => {
        if (chain.failed !== undefined) return;
        // A refusal (no room, no permission) is told to whoever writes next.
        if (chain.last === seen && chain.underWay === 0) write().catch(() => undefined);
        seen = chain.last;
        arm();
      },
      { background: true },
    );
  };
  arm();
  return () => cancel();
}
