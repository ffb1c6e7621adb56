import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Authority, createAuthority, type EnrollOptions, type ManagedIdentity } from "@tightbeam/core/identity";
import { systemRuntime } from "@tightbeam/core/runtime";
import { type Runtime, TightbeamError } from "@tightbeam/core/transport";
import { createRelay, type Relay, type RelayOptions } from "../src/relay/index.js";

/** An authority, and relays that trust it; everything is closed at the end of the test that asked for it. */
export async function createFixture(runtime: Runtime = systemRuntime()) {
  const authority = await createAuthority({ issuer: "https://auth.test", runtime });
  const closers: (() => unknown)[] = [];
  return {
    authority,
    closeLater: <T extends { close(): unknown }>(thing: T): T => {
      closers.push(() => thing.close());
      return thing;
    },
    async relay(options: Partial<RelayOptions> = {}): Promise<Relay> {
      const relay = await createRelay({ trust: authority.trust(), ...(options.server === undefined ? { port: 0 } : {}), ...options });
      closers.push(() => relay.close());
      return relay;
    },
    async enroll(id: string, options?: EnrollOptions): Promise<ManagedIdentity> {
      const identity = await authority.enroll(id, options);
      closers.push(() => identity.close());
      return identity;
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof createFixture>>;

/** A relay that can be killed as by SIGKILL, its sockets gone without a word, and started again on the same port. */
export async function createMortalRelay(authority: Authority, options: Partial<RelayOptions> = {}) {
  let port = 0;
  let server: Server;
  let relay: Relay;
  let sockets = new Set<Socket>();
  const start = async () => {
    sockets = new Set();
    server = createServer();
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    port = (server.address() as AddressInfo).port;
    relay = await createRelay({ trust: authority.trust(), ...options, server, origins: [`ws://127.0.0.1:${port}`] });
  };
  const kill = async () => {
    for (const socket of sockets) socket.resetAndDestroy();
    await Promise.all([relay.close(), new Promise<void>((resolve) => server.close(() => resolve()))]);
  };
  await start();
  return {
    get url() {
      return `ws://127.0.0.1:${port}/`;
    },
    get relay() {
      return relay;
    },
    start,
    kill,
  };
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return errorOf(promise).then(({ code }) => code);
}

export async function errorOf(promise: Promise<unknown>): Promise<TightbeamError> {
  const error = await promise.then(
    () => new Error("it did not reject"),
    (reason: unknown) => reason,
  );
  if (error instanceof TightbeamError) return error;
  throw error;
}

/** Looks again until it holds. */
export async function until(condition: () => boolean, what: string, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
