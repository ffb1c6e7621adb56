import { TightbeamError } from "../../errors.js";
import { notATarget, toTarget } from "../asking/target.js";
import { type Desk, deskOf } from "./desk.js";
import { createForwarder, type ForwardingCounters } from "./forwarder.js";
import { messageMaxBytes } from "./message.js";
import { type ForwardOptions, limitsOf, wrong } from "./options.js";
import { lingering } from "./patience.js";
import { createUpstream } from "./upstream.js";
import { names } from "./words.js";

/** An agent that forwards, until it stops. */
export interface Forwarding {
  status(): ForwardingStatus;
  /** Its clients are told, and go down. */
  stop(): void;
}

export interface ForwardingStatus {
  readonly clients: number;
  readonly subscriptions: number;
  /** What waits for clients that take less than comes. */
  readonly queuedBytes: number;
  /** The next agent, if there is one. */
  readonly next: "up" | "down" | undefined;
  readonly counters: Readonly<ForwardingCounters>;
}

const known = new Set(["next", "limits"]);
const answering = new WeakSet<Desk>();

/** `Agent.forward`. With a next agent it waits for it, but no longer than a second. */
export async function forward(agent: object, options: ForwardOptions = {}): Promise<Forwarding> {
  for (const name in options) if (!known.has(name)) throw wrong(`forward has no option '${name.slice(0, 40)}'`);
  const limits = limitsOf(options.limits);
  const next = options.next === undefined ? undefined : (toTarget(options.next) ?? (await notATarget()));
  const desk = deskOf(agent);
  const { host, parts, messageMaxBytes: own } = desk.inside;
  if (next?.id === host.identity.id) throw wrong("the next agent is another one");
  if (own < messageMaxBytes) throw wrong(`a frame needs messages of ${messageMaxBytes} bytes: raise this agent's limit messageMaxBytes`);
  if (desk.forwarder !== undefined) throw wrong("this agent forwards already: stop it first");

  const upstream = next === undefined ? undefined : createUpstream(desk, next, (error) => host.onRefused({ peer: next.id, error }));
  const forwarder = createForwarder(host, limits, upstream);
  desk.forwarder = forwarder;
  if (!answering.has(desk)) answer(desk);
  const part = { linkUp: forwarder.linkUp, linkEnded: forwarder.linkEnded, stop: () => stop() };
  parts.push(part);

  const stop = (): void => {
    if (desk.forwarder !== forwarder) return;
    desk.forwarder = undefined;
    parts.splice(parts.indexOf(part), 1);
    upstream?.stop();
    forwarder.stop();
  };
  // Who subscribes from here on is known there as well, unless it takes its time.
  if (upstream !== undefined) await lingering(host.runtime, upstream.found);
  return {
    status: () => ({
      clients: forwarder.clients,
      subscriptions: forwarder.subscriptions,
      queuedBytes: forwarder.queuedBytes,
      next: upstream?.state,
      counters: { ...forwarder.counters },
    }),
    stop,
  };
}

/** Once for each agent: whoever forwards then answers. */
function answer(desk: Desk): void {
  answering.add(desk);
  const { system } = desk.inside.host;
  const forwarder = () => {
    if (desk.forwarder === undefined) throw new TightbeamError("no_handler", "This agent does not forward.");
    return desk.forwarder;
  };
  system.handle(names.join, (link, value) => forwarder().join(link, value));
  system.handle(names.subscribe, (link, value) => forwarder().subscribe(link, value));
  system.handle(names.unsubscribe, (link, value) => forwarder().unsubscribe(link, value));
}
