import { isName } from "../../envelope/grammar.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import { createEmitter } from "../../telemetry/events.js";
import type { Presence } from "../presence/presence.js";
import type { CapabilityExchange } from "./capabilities.js";

export interface PeersOptions {
  readonly runtime: Runtime;
  readonly capabilities: Pick<CapabilityExchange, "of" | "onChange" | "provide" | "changed">;
  readonly presence: Pick<Presence, "announce" | "isGone" | "onChange">;
  /** What this agent is itself. */
  readonly kinds: readonly string[] | undefined;
  readonly load: (() => number) | undefined;
}

/** `up`: there is a link, and the peer has said what it is. `changed`: it is something else, or busier. `gone`: it left, fell silent, or the link ended. */
export type PeerChange = "up" | "changed" | "gone";

/** `ready`: it is as before, and answers again. */
export type PeerNews = PeerChange | "ready";

/** The instances this agent is linked with, as they are now: which of them are there, and of what kind. */
export interface Peers {
  /** Those that are there, of one kind or all, in the order in which they came. */
  list(kind?: string): Link[];
  kindsOf(link: Link): readonly string[];
  loadOf(link: Link): number | undefined;
  /** Agents that serve are looked for from now on. */
  seek(): void;
  onChange(listener: (news: PeerNews, link: Link) => unknown): () => void;
  /** What this agent is can be said from here on. */
  begin(): void;
  linkUp(link: Link): void;
  linkEnded(link: Link): void;
  stop(): void;
}

/** What a peer's token lets it be, for as long as the token and what the peer said are the same. */
interface Allowed {
  readonly permissions: readonly string[];
  readonly claims: unknown;
  readonly kinds: readonly string[];
}

const none: readonly string[] = Object.freeze([]);

/** Throws `invalid_argument` for kinds that are no names. */
export function createPeers({ runtime, capabilities, presence, kinds = [], load }: PeersOptions): Peers {
  if (!Array.isArray(kinds) || kinds.length > limits.helloKinds || !kinds.every(isName))
    throw new TightbeamError("invalid_argument", `\`kinds\` are at most ${limits.helloKinds} names of A-Z a-z 0-9 _ - in segments joined by '.' or '/'.`);
  if (load !== undefined && typeof load !== "function")
    throw new TightbeamError("invalid_argument", "`load` is a function that returns a number from 0: how much this agent has to do.");
  const own = Object.freeze([...kinds]);
  const there = new Set<Link>();
  const allowed = new WeakMap<Link, Allowed>();
  const changes = createEmitter<readonly [PeerNews, Link]>();
  let told: number | undefined;
  let cancel: (() => void) | undefined;

  const kindsOf = (link: Link): readonly string[] => {
    const said = capabilities.of(link);
    if (said === undefined) return none;
    const { permissions } = link.peer;
    const known = allowed.get(link);
    if (known?.claims === said.claims && known.permissions === permissions) return known.kinds;
    const now = { permissions, claims: said.claims, kinds: said.kinds };
    allowed.set(link, now);
    return now.kinds;
  };

  const look = (link: Link): void => {
    const is = link.state !== "ended" && capabilities.of(link) !== undefined && !presence.isGone(link);
    if (is === there.has(link)) return;
    if (is) there.add(link);
    else there.delete(link);
    changes.emit([is ? "up" : "gone", link]);
  };

  capabilities.onChange((link) => {
    const was = there.has(link);
    look(link);
    if (was && there.has(link)) changes.emit(["changed", link]);
  });
  presence.onChange(look);

  const loadNow = (): number | undefined => {
    try {
      const value = load?.();
      return typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
    } catch {
      return undefined;
    }
  };
  if (own.length > 0) {
    capabilities.provide("kinds", () => own);
    capabilities.provide("load", () => {
      told = loadNow();
      return told;
    });
  }

  /** A tenth more or less is worth no message. */
  const watchLoad = (): void => {
    const now = loadNow();
    if ((now === undefined) !== (told === undefined) || Math.abs((now ?? 0) - (told ?? 0)) > (told ?? 0) / 10) capabilities.changed();
    cancel = runtime.timers.after(limits.loadEveryMs, watchLoad, { background: true });
  };

  return {
    list: (kind) => (kind === undefined ? [...there] : [...there].filter((link) => kindsOf(link).includes(kind))),
    kindsOf,
    loadOf: (link) => capabilities.of(link)?.load,
    seek: () => presence.announce("seeks"),
    onChange: (listener) => changes.on(([news, link]) => listener(news, link)),
    begin() {
      if (own.length === 0) return;
      presence.announce("serves");
      if (load !== undefined) watchLoad();
    },
    linkUp(link) {
      const was = there.has(link);
      look(link);
      if (was && there.has(link)) changes.emit(["ready", link]);
    },
    linkEnded(link) {
      if (there.delete(link)) changes.emit(["gone", link]);
    },
    stop: () => cancel?.(),
  };
}
