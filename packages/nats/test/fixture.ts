import { type Address, address, type StateChange, TightbeamError, type Transport } from "@tightbeam/core/transport";
import { afterEach } from "vitest";
import { connectNats, type NatsServerOptions } from "../src/index.js";
import { type Broker, startBroker } from "./broker.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Closes a thing at the end of the test. */
export function closeLater<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close());
  return thing;
}

export const broker = async (config?: string): Promise<Broker> => closeLater(await startBroker(config));
export const connect = async (to: Broker, options: NatsServerOptions = {}): Promise<Transport> =>
  closeLater(await connectNats({ servers: to.url, reconnect: { minMs: 10, maxMs: 50 }, ...options }));

export async function errorOf(promise: Promise<unknown>): Promise<TightbeamError> {
  const error = await promise.then(
    (value) => {
      // What should not have been made must not go on running.
      (value as { close?: () => unknown } | undefined)?.close?.();
      return new Error("it did not reject");
    },
    (reason: unknown) => reason,
  );
  if (error instanceof TightbeamError) return error;
  throw error;
}

export const codeOf = async (promise: Promise<unknown>): Promise<string> => (await errorOf(promise)).code;

/** Looks again until it holds. */
export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What the transport tells of itself, from now on. */
export function changesOf(transport: Transport): StateChange[] {
  const changes: StateChange[] = [];
  transport.state.subscribe((change) => void changes.push(change));
  return changes;
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
export const inbox = (id: string, instance = "i"): Address => address("inbox", id, instance.padEnd(22, "0"));

/** Listens and keeps what comes as text. */
export async function listen(transport: Transport, at: Address, group?: string): Promise<string[]> {
  const got: string[] = [];
  await transport.subscribe(at, (frame) => void got.push(text(frame)), group === undefined ? {} : { group });
  return got;
}

/** A frame goes to `at` and comes back: the transport works. */
export async function mustWork(transport: Transport, at: Address = inbox("probe")): Promise<void> {
  const got = await listen(transport, at);
  await transport.send(at, bytes("hello"));
  await until(() => got.length > 0, "a frame to oneself");
}
