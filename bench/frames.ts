import { createAgent } from "@tightbeam/core";
import { generateSecret, identityFromSecret, trust } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";
import { connectNats } from "@tightbeam/nats";
import { startBroker } from "./broker.js";

/** What two agents send each other over NATS, for one operation of 256 B or in a time without any. */
export interface FrameFigures {
  readonly what: string;
  readonly frames: number;
  /** Bytes of all frames. */
  readonly bytes: number;
}

const payload = new Uint8Array(256).fill(7);
const settled = 500;

/** `idleMs`: how long to watch the link when nobody asks; 0 for not at all. */
export async function measureFrames(idleMs: number): Promise<readonly FrameFigures[]> {
  const broker = await startBroker();
  const secret = generateSecret();
  let frames = 0;
  let bytes = 0;
  const counting = (transport: Transport): Transport => ({
    capabilities: transport.capabilities,
    state: transport.state,
    closed: transport.closed,
    send(to, frame) {
      frames += 1;
      bytes += frame.byteLength;
      return transport.send(to, frame);
    },
    subscribe: transport.subscribe,
    close: transport.close,
  });
  const join = async (id: string) =>
    createAgent({
      identity: await identityFromSecret({ id, secret }),
      trust: trust.everyoneWithSecret(secret),
      transport: counting(await connectNats({ servers: broker.url })),
    });
  const alice = await join("alice");
  const bob = await join("bob");
  alice.handle("echo", (input) => input);
  alice.handle("take", () => undefined);
  const many = async (inFlight: number, each: number, call: () => Promise<unknown>): Promise<number> => {
    const worker = async (): Promise<void> => {
      for (let index = 0; index < each; index++) await call();
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return inFlight * each;
  };
  const request = (): Promise<unknown> => bob.request("alice", "echo", payload);
  await many(1, settled, request);
  const figures: FrameFigures[] = [];
  for (const [what, run] of [
    ["request and reply, 256 B, one at a time", () => many(1, 2_000, request)],
    ["request and reply, 256 B, 64 in flight", () => many(64, 500, request)],
    ["one way, 256 B", () => many(256, 400, () => bob.notify("alice", "take", payload))],
  ] as const) {
    [frames, bytes] = [0, 0];
    const count = await run();
    figures.push({ what, frames: frames / count, bytes: bytes / count });
  }
  if (idleMs > 0) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    [frames, bytes] = [0, 0];
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    figures.push({ what: `an idle link for ${idleMs / 1_000} s`, frames, bytes });
  }
  await Promise.all([alice.close(), bob.close()]);
  await broker.kill();
  return figures;
}
