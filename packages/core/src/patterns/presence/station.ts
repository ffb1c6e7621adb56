import type { Identity, VerifyKey } from "../../identity/types.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Links } from "../../link/links-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Address } from "../../transport/address.js";
import type { Transport } from "../../transport/transport.js";
import type { System } from "../system.js";
import { createBeacon, patience } from "./beacon.js";
import { createDialler } from "./dialler.js";
import { createEar, type PresenceCounters } from "./ear.js";
import type { Hint, Roles } from "./hint.js";
import { createHeardTable } from "./table.js";

export interface StationOptions {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly identity: Identity;
  readonly instance: string;
  readonly links: Pick<Links, "connect" | "find">;
  readonly system: Pick<System, "notify">;
  readonly at: Address;
  readonly every: number;
  readonly roles: () => Roles;
  readonly counters: PresenceCounters;
  /** Whether somebody wants every hint, also of those that are of no interest otherwise. */
  readonly isHeard: () => boolean;
  readonly onHint: (hint: Hint) => void;
  /** The peer of this link went silent, or said that it leaves; or it is there again. */
  readonly onChange: (link: Link) => void;
  readonly onSent: () => void;
  readonly onFailed: (error: unknown) => void;
}

/** Presence of one instance, once something needs it: says what it is, hears what others are, and links with those it has to do with. */
export interface Station {
  /** Our roles are others than before. */
  changed(): void;
  isGone(link: Link): boolean;
  linkUp(link: Link): void;
  linkEnded(link: Link): void;
  /** Says that we leave. */
  leave(): Promise<void>;
  stop(): void;
}

/** One instance under one key, as far as its hints go. */
interface Heard {
  hint: Hint;
  readonly key: VerifyKey;
  at: number;
  link: Link | undefined;
  gone: boolean;
  asking: boolean;
  dialling: boolean;
  failures: number;
  notBefore: number;
}

/** Who claims an id and an instance with another key is another one: until there is a link nobody knows whose they are. */
const nameOf = ({ id, instance, key }: Hint): string => `${id}/${instance} ${key.x}${key.kty === "EC" ? key.y : ""}`;

/** Subscribes, then speaks. Rejects when the transport refuses the address. */
export async function createStation(options: StationOptions): Promise<Station> {
  const { runtime, transport, identity, instance, links, at, every, roles, counters } = options;
  const { clock, timers } = runtime;
  const table = createHeardTable<Heard>(limits.hintsKept);
  const ofLinks = new WeakMap<Link, Heard>();
  const dialler = createDialler(runtime, links);
  const beacon = createBeacon({ runtime, transport, identity, instance, at, every, roles, onSent: options.onSent, onFailed: options.onFailed });
  let upSince = clock.monotonic();
  let stopped = false;

  const matches = (hint: Hint): boolean => {
    const own = roles();
    return (own.subscribes && hint.publishes) || (own.publishes && hint.subscribes) || (own.seeks && hint.serves) || (own.serves && hint.seeks);
  };

  const take = (hint: Hint, key: VerifyKey): void => {
    if (stopped) return;
    const name = nameOf(hint);
    const known = table.get(name);
    const heard: Heard = known ?? { hint, key, at: 0, link: undefined, gone: false, asking: false, dialling: false, failures: 0, notBefore: 0 };
    heard.hint = hint;
    heard.at = clock.monotonic();
    if (known === undefined && !table.add(name, heard)) {
      counters.skipped++;
      return;
    }
    const link = links.find(hint);
    if (link?.peer.thumbprint === key.thumbprint) meet(heard, link);
    else if (link === undefined && !hint.leaves && matches(hint)) dial(name, heard);
    options.onHint(hint);
  };

  const meet = (heard: Heard, link: Link): void => {
    heard.link = link;
    heard.failures = 0;
    ofLinks.set(link, heard);
    setGone(heard, link, heard.hint.leaves);
  };

  const setGone = (heard: Heard, link: Link, gone: boolean): void => {
    if (heard.gone === gone) return;
    heard.gone = gone;
    options.onChange(link);
  };

  const dial = (name: string, heard: Heard): void => {
    if (heard.dialling || clock.monotonic() < heard.notBefore || transport.state.current === "down") return;
    const dialled = dialler.dial(heard.hint.id, heard.hint.instance);
    if (dialled === undefined) {
      counters.skipped++;
      // It may dial us.
      return beacon.soon(limits.hintAnswerMs);
    }
    counters.dials++;
    heard.dialling = true;
    void dialled.then((link) => {
      heard.dialling = false;
      if (stopped) return;
      if (link === undefined) {
        heard.notBefore = clock.monotonic() + Math.min(limits.hintDialAgainMs * 2 ** heard.failures++, limits.hintDialAgainMaxMs);
      } else if (link.peer.thumbprint === heard.key.thumbprint) meet(heard, link);
      else table.remove(name);
    });
  };

  /** Three of its hints did not come. What it is linked by may be well: hints may be lost, or not permitted any more. */
  const ask = async (heard: Heard, link: Link): Promise<void> => {
    heard.asking = true;
    let there = true;
    try {
      await options.system.notify(link, "presence", undefined, { confirm: "received", timeout: every });
    } catch {
      there = false;
    }
    heard.asking = false;
    if (stopped || heard.link !== link) return;
    if (there) heard.at = Math.max(heard.at, clock.monotonic());
    else setGone(heard, link, true);
  };

  const sweep = (): void => {
    if (transport.state.current === "down") return;
    const now = clock.monotonic();
    for (const [name, heard] of table) {
      if (now - Math.max(heard.at, upSince) <= patience * heard.hint.every) continue;
      if (heard.link === undefined) {
        if (!heard.dialling) table.remove(name);
      } else if (!heard.gone && !heard.asking) void ask(heard, heard.link);
    }
  };

  const unsubscribe = await transport.subscribe(
    at,
    createEar({
      clock,
      at,
      counters,
      isOwn: (hint) => hint.id === identity.id && hint.instance === instance,
      known: (hint) => table.get(nameOf(hint)),
      linkOf: (hint) => links.find(hint),
      concerns: (hint) => options.isHeard() || matches(hint),
      onHint: take,
    }),
  );
  const stopListening = transport.state.subscribe((change) => {
    if (change.type !== "up") return;
    upSince = clock.monotonic();
    for (const [, heard] of table) heard.notBefore = 0;
    beacon.soon(limits.hintAnswerMs);
  });
  let cancel: (() => void) | undefined;
  const watch = (): void => {
    cancel = timers.after(
      every / 4,
      () => {
        sweep();
        watch();
      },
      { background: true },
    );
  };
  watch();
  beacon.soon(0);

  return {
    changed: () => beacon.soon(0),
    isGone: (link) => ofLinks.get(link)?.gone === true,
    linkUp(link) {
      const heard = ofLinks.get(link);
      if (heard !== undefined && heard.link === link) setGone(heard, link, heard.hint.leaves);
    },
    linkEnded(link) {
      const heard = ofLinks.get(link);
      if (heard !== undefined && heard.link === link) Object.assign(heard, { link: undefined, gone: false, failures: 0, notBefore: 0 });
    },
    leave: () => beacon.farewell(),
    stop() {
      stopped = true;
      beacon.stop();
      stopListening();
      cancel?.();
      void unsubscribe().catch(() => undefined);
    },
  };
}
