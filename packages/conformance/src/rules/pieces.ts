import { type Address, address, isTightbeamError, type Receive, type Transport } from "@tightbeam/core/transport";
import type { RuleContext } from "../rule.js";

export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** One instance's address of an agent; the tag is filled up to the 22 characters of an instance. */
export const inboxOf = (id: string, tag: string): Address => address("inbox", id, tag.padEnd(22, "0"));
/** A string no call of `address()` would give. */
export const unchecked = (value: string): Address => value as Address;

/** A frame that holds a number, `bytes` long (at least 4). */
export function numbered(value: number, bytes = 4): Uint8Array {
  const frame = new Uint8Array(bytes);
  new DataView(frame.buffer).setUint32(0, value);
  return frame;
}
export const numberIn = (frame: Uint8Array): number =>
  frame.byteLength < 4 ? Number.NaN : new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(0);

/** Subscribes and keeps the numbers that arrive, in order. */
export async function collect(context: RuleContext, transport: Transport, at: Address, group?: string): Promise<number[]> {
  const numbers: number[] = [];
  await subscribe(context, transport, at, (frame) => void numbers.push(numberIn(frame)), group);
  return numbers;
}

export const subscribe = (context: RuleContext, transport: Transport, at: Address, receive: Receive, group?: string) =>
  context.within(transport.subscribe(at, receive, group === undefined ? undefined : { group }), `subscribe("${at}")`);

export const send = (context: RuleContext, transport: Transport, to: Address, frame: Uint8Array) =>
  context.within(transport.send(to, frame), `send of ${frame.byteLength} bytes`);

/** The code a promise rejects with; throws when it resolves, or rejects with something that is no Tightbeam error. */
export async function codeOf(context: RuleContext, promise: Promise<unknown>, what: string): Promise<string> {
  const outcome = await context.within(
    promise.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
    what,
  );
  must(outcome !== undefined, `${what}: resolved instead of rejecting`);
  must(isTightbeamError(outcome.error), `${what}: rejected with something that is no TightbeamError: ${String(outcome.error)}`);
  return outcome.error.code;
}

export async function mustReject(context: RuleContext, promise: Promise<unknown>, code: string, what: string): Promise<void> {
  const got = await codeOf(context, promise, what);
  must(got === code, `${what}: rejected with "${got}" instead of "${code}"`);
}

export async function cutAndNotice(context: RuleContext, ...transports: readonly Transport[]): Promise<void> {
  await context.cut();
  await context.eventually(() => transports.every((one) => one.state.current === "down"), "state going down after the medium was cut");
}

export async function restoreAndNotice(context: RuleContext, ...transports: readonly Transport[]): Promise<void> {
  await context.restore();
  await context.eventually(() => transports.every((one) => one.state.current === "up"), "state coming up after the medium was restored");
}

/** Sends again and again until a frame arrives: for rules that hold on lossy media too. */
export async function sendUntil(context: RuleContext, transport: Transport, to: Address, arrived: () => boolean, what: string): Promise<void> {
  let busy = false;
  await context.eventually(() => {
    if (arrived()) return true;
    if (!busy) {
      busy = true;
      transport
        .send(to, numbered(1))
        .catch(() => undefined)
        .finally(() => {
          busy = false;
        });
    }
    return false;
  }, what);
}
