// The relay as a process of its own. It keeps nothing, so it may be killed and started again.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { trust } from "@tightbeam/core";
import type { JwkSet } from "@tightbeam/core/identity";
import { createRelay } from "@tightbeam/websocket/relay";
import { createCalls } from "./calls.js";
import { tapSockets } from "./tap.js";

export interface StartRelay {
  /** 0 for any free one. */
  readonly port: number;
  readonly issuer: string;
  readonly jwks: JwkSet;
  /** Shows the parent every message that reaches the sockets. */
  readonly tapped: boolean;
}

const host = "127.0.0.1";
let untap = (): void => undefined;

const calls = createCalls(process, {
  async start({ port, issuer, jwks, tapped }: StartRelay): Promise<string> {
    const server = createServer();
    if (tapped) untap = tapSockets(server, (message) => void calls.call("tapped", message));
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
    const { port: listening } = server.address() as AddressInfo;
    const relay = await createRelay({ server, origins: [`ws://${host}:${listening}`], trust: trust.jwks(jwks, { issuer }) });
    return relay.url;
  },
  untap: () => untap(),
});

process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
