// One agent as a process of its own: makes its key, asks the parent for tokens, and answers the presenter. Which transport carries it, its caller says.
import { type Identity, trust } from "@tightbeam/core";
import { createIdentity, generateKey, type JwkSet } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";
import { startAlice, startBob } from "./app.js";
import { createCalls, type Handlers } from "./calls.js";

export interface StartAgent {
  readonly id: "alice" | "bob";
  /** Of the relay or the broker. */
  readonly url: string;
  readonly issuer: string;
  readonly jwks: JwkSet;
}

export function runAgent(connect: (to: { readonly url: string; readonly identity: Identity }) => Promise<Transport>): void {
  const handlers: Handlers = {
    async start({ id, url, issuer, jwks }: StartAgent): Promise<void> {
      // Only the public half of the key leaves this process. Renewals take the same way.
      const identity = createIdentity({ id, key: await generateKey(), issue: (request) => calls.call<string>("issue", request) });
      const transport = await connect({ url, identity });
      // For peers; a relay's own was asked for at the login. Without this the first handshake would ask.
      await identity.token();
      const seat = { identity, trust: trust.jwks(jwks, { issuer }), transport };
      Object.assign(handlers, id === "alice" ? await startAlice(seat) : await startBob(seat));
    },
  };
  const calls = createCalls(process, handlers);

  // Ctrl-C reaches the whole group of processes; the parent decides, and when it is gone so are we.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.exit(0));
}
