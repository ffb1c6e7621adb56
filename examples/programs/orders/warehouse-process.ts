// The warehouse as a process of its own, so that it can be killed.
import { createAgent, trust } from "@tightbeam/core";
import { createIdentity, generateKey } from "@tightbeam/core/identity";
import { connectNats } from "@tightbeam/nats";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { connectWebSocket } from "@tightbeam/websocket";
import { createCalls, type Handlers } from "../../demo/calls.js";
import type { Seat } from "../place.js";
import { type Books, presence } from "./contract.js";
import { openWarehouse } from "./warehouse.js";

export interface StartWarehouse extends Seat {
  readonly path: string;
  readonly storeKey: Uint8Array;
}

const handlers: Handlers = {
  async start({ id, url, issuer, jwks, path, storeKey }: StartWarehouse): Promise<Books> {
    const identity = createIdentity({ id, key: await generateKey(), issue: (request) => calls.call<string>("issue", request) });
    const transport = url.startsWith("nats:") ? await connectNats({ servers: url }) : await connectWebSocket(url, { identity });
    const store = await openLmdbStore({ path });
    const agent = await createAgent({ identity, trust: trust.jwks(jwks, { issuer }), transport, store, storeKey, presence });
    const books = await openWarehouse(agent, (number) => void calls.call("begun", number));
    handlers.books = books;
    handlers.close = () => agent.close();
    return books();
  },
};
const calls = createCalls(process, handlers);

process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
