import { type Agent, createAgent, type PresenceEvent } from "@tightbeam/core";
import type { Identity, Trust } from "@tightbeam/core/identity";
import { openIdentity, openTrust, trustedIssuer } from "../identity.js";
import type { Invocation } from "../invocation.js";
import type { Settings } from "../settings.js";
import { openTransport } from "../transport.js";
import { failed, ok, type Step, skipped, warning } from "./step.js";

/** What earlier steps made for later ones. */
interface Made {
  identity?: Identity;
  trust?: Trust;
  agent?: Agent;
}

const soonMs = 60_000;

/** Who we are, whether our own token would count with us, the login, and a peer. */
export function agentSteps(invocation: Invocation, settings: Settings, peer: string | undefined): readonly Step[] {
  const { io, runtime, later, signal } = invocation;
  const made: Made = {};
  const steps: Step[] = [
    {
      name: "identity",
      async look() {
        const identity = await openIdentity(io, settings);
        made.identity = identity;
        return ok(`${identity.id}, key ${identity.key.thumbprint} (${identity.key.alg})`);
      },
    },
    {
      name: "trust",
      async look() {
        made.trust = await openTrust(io, settings);
        return ok(settings.trustBy === "sharedSecret" ? "everyone with the shared secret" : `tokens of ${trustedIssuer(settings)}`);
      },
    },
    {
      name: "token",
      async look() {
        const { identity, trust } = made;
        if (identity === undefined) return skipped("without an identity there is none");
        const token = await identity.token();
        if (trust === undefined) return skipped("whether it counts cannot be told without trust");
        const { issuer, expiresAt, permissions } = await trust.verify(token, { now: runtime.clock.wall() });
        const left = expiresAt - runtime.clock.wall();
        const found = `of ${issuer}, good for ${Math.round(left / 1_000)} s, permissions: ${permissions.length === 0 ? "none" : permissions.join(" ")}`;
        return left > soonMs ? ok(found) : warning(found, "It ends very soon, if nothing renews it: `tightbeam token issue`, or an --authority.");
      },
    },
    {
      name: "login",
      async look() {
        const { identity, trust } = made;
        if (identity === undefined || trust === undefined) return skipped("it needs an identity and trust");
        const transport = await openTransport(io, settings, identity);
        const agent = await createAgent({ identity, trust, transport, runtime });
        made.agent = agent;
        later(() => agent.close());
        return ok(`joined as ${agent.id}, instance ${agent.instance}`);
      },
    },
  ];
  steps.push({
    name: "permissions",
    async look() {
      const { agent } = made;
      if (agent === undefined) return skipped("they need the login");
      const { state, error } = await presenceOf(agent);
      const { address } = agent.status().presence;
      if (state === "on") return ok(`may meet others at ${address}: topics and kinds work`);
      if (state === "unsupported") return skipped("this medium has no presence: name peers by their ids");
      const why = error === undefined ? "" : `: ${error.message}`;
      return warning(
        `may not meet others at ${address}${why}`,
        "Topics and --kind find nobody without it; calls by id work. docs/presence.md says what to permit.",
      );
    },
  });
  if (peer !== undefined)
    steps.push({
      name: "peer",
      async look() {
        const { agent } = made;
        if (agent === undefined) return skipped("it needs the login");
        if (peer === agent.id) return failed(`${peer} is this agent itself`, "Name another one, or give another --id.");
        const began = runtime.clock.monotonic();
        const link = await agent.link(peer, { timeout: 5_000, signal });
        return ok(`${peer} answers after ${(runtime.clock.monotonic() - began).toFixed(0)} ms, key ${link.peer.thumbprint}, of ${link.peer.issuer}`);
      },
    });
  return steps;
}

/** What becomes of presence, which begins with the first question who is there. */
function presenceOf(agent: Agent): Promise<Pick<PresenceEvent, "state" | "error">> {
  return new Promise((resolve) => {
    const look = (state: PresenceEvent["state"], error?: PresenceEvent["error"]): void => {
      if (state !== "idle" && state !== "joining") resolve({ state, error });
    };
    agent.onEvent((event) => void (event.type === "presence" && look(event.state, event.error)));
    agent.peers();
    look(agent.status().presence.state);
  });
}
