import { types } from "../../envelope/layout.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import * as protocol from "../../protocol.js";
import type { Runtime } from "../../runtime/runtime.js";
import { createEmitter } from "../../telemetry/events.js";
import type { System } from "../system.js";
import type * as Hello from "./hello.js";
import type { Capabilities, Claims } from "./hello.js";
import { loadHello } from "./hello-on-demand.js";

/** What each side of a link says of itself, once, and again when it changed. */
export interface CapabilityExchange {
  /** What this agent says of itself. `value` is asked whenever it is said; where it throws, or is undefined or not of this shape, the member is left out. */
  provide<Member extends keyof Claims>(member: Member, value: () => Claims[Member] | undefined): void;
  /** Something that was provided has another value: peers are told within `limits.helloEveryMs`, once for all that changed by then. */
  changed(): void;
  /** Undefined until the peer has said something. */
  of(link: Link): Capabilities | undefined;
  /** Called when a peer said something that is not what it said before. */
  onChange(listener: (link: Link) => unknown): () => void;
  linkUp(link: Link): void;
  linkEnded(link: Link): void;
  stop(): void;
}

const name = "hello";

export interface CapabilitiesOptions {
  readonly runtime: Runtime;
  readonly system: System;
}

export function createCapabilities({ runtime, system }: CapabilitiesOptions, hello = loadHello): CapabilityExchange {
  const providers = new Map<keyof Claims, () => unknown>();
  const known = new WeakMap<Link, Capabilities>();
  const changes = createEmitter<Link>();
  /** Links that are up, with the edition of what they were told. */
  const told = new Map<Link, number>();
  let edition = 1;
  let last: { readonly text: string; readonly claims: Claims } | undefined;
  let due = false;
  let resting: (() => void) | undefined;
  let stopped = false;

  const tell = (link: Link): void => {
    if (stopped || told.get(link) === edition || link.state === "ended") return;
    // What cannot be loaded is tried again when the link comes up again, or there is something else to say.
    if (hello.loaded === undefined)
      return void hello().then(
        () => tell(link),
        () => undefined,
      );
    const now = edition;
    told.set(link, now);
    // A link that takes nothing for so long is told when it comes up again.
    system.notify(link, name, hello.loaded.makeHello(providers)).catch(() => {
      if (told.get(link) === now) told.set(link, 0);
    });
  };

  const tellAll = (): void => {
    if (stopped) return;
    due = false;
    resting = runtime.timers.after(limits.helloEveryMs, rested, { background: true });
    for (const link of told.keys()) if (link.state === "up") tell(link);
  };

  const rested = (): void => {
    resting = undefined;
    if (due) tellAll();
  };

  /** One object for all peers that say the same, as replicas do. */
  const shared = (claims: Claims): Claims => {
    const text = JSON.stringify(claims);
    if (last?.text !== text) last = { text, claims };
    return last.claims;
  };

  const hear = (link: Link, { capabilitiesOf, readHello }: typeof Hello, value: unknown): void => {
    const before = known.get(link)?.claims;
    const claims = shared(readHello(value));
    if (before === claims || (before !== undefined && JSON.stringify(before) === JSON.stringify(claims))) return;
    known.set(link, capabilitiesOf(link, claims));
    changes.emit(link);
  };

  const hearLater = async (link: Link, value: unknown): Promise<void> => {
    const code = await hello();
    if (link.state !== "ended") hear(link, code, value);
  };

  system.handle(name, (link, value) => (hello.loaded === undefined ? hearLater(link, value) : hear(link, hello.loaded, value)));

  const exchange: CapabilityExchange = {
    provide: (member, value) => void providers.set(member, value),
    changed() {
      edition++;
      if (due || stopped) return;
      due = true;
      if (resting === undefined) runtime.timers.turn(tellAll);
    },
    of: (link) => known.get(link),
    onChange: changes.on,
    linkUp(link) {
      if (!told.has(link)) told.set(link, 0);
      tell(link);
    },
    linkEnded: (link) => void told.delete(link),
    stop() {
      stopped = true;
      resting?.();
    },
  };
  exchange.provide("protocol", () => protocol.version);
  exchange.provide("types", () => types);
  return exchange;
}
