// Over WebSocket: the relay, in a process of its own.
import type { Carrier, Medium } from "./carrier.js";
import type { StartRelay } from "./relay.js";
import { readSend } from "./tap.js";

export const relay: Medium = {
  agentFile: "agent-websocket.ts",
  connect: "connectWebSocket(",
  agentScript: ({ agents }) => agents.websocket,
  async start({ children, sources, issuer, jwks }): Promise<Carrier> {
    const tapped: Uint8Array[] = [];
    const start = async (port: number, tap: boolean) => {
      const child = children.start("relay", sources.relay, { tapped: (message: Uint8Array) => void tapped.push(message) });
      return { child, url: await child.calls.call<string>("start", { port, issuer, jwks, tapped: tap } satisfies StartRelay) };
    };
    let { child, url } = await start(0, true);
    return {
      name: "relay",
      get pid() {
        return child.pid;
      },
      url,
      tap: {
        frames: () => tapped.flatMap((message) => readSend(message) ?? []),
        bytes: () => Buffer.concat(tapped),
        stop: () => child.calls.call("untap"),
      },
      kill: () => child.kill(),
      async restart() {
        ({ child } = await start(Number(new URL(url).port), false));
      },
      close: () => child.kill(),
    };
  },
};
