import { isName, isVersion } from "../../envelope/grammar.js";
import { types } from "../../envelope/layout.js";
import type { EnvelopeType } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import { permits } from "../../identity/permissions.js";
import type { WithDefaults } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Rate } from "../../resilience/token-bucket.js";

/** What an agent says of itself, once per link and again when it changed: the value of `tb/hello`. Its sender is authenticated; what it says is not thereby true. */
export interface Claims {
  /** Version of the envelopes. */
  readonly protocol: number;
  /** Types of message that it takes. */
  readonly types: readonly EnvelopeType[];
  /** Contracts it serves. */
  readonly contracts: readonly ServedContract[];
  /** Kinds of agent that it is. */
  readonly kinds: readonly string[];
  /** How busy it is: 0 is idle, 1 is full, more is more. Undefined: it does not say. */
  readonly load: number | undefined;
  /** What one peer may ask of it. Undefined: no limit was announced. */
  readonly rate: WithDefaults<Rate> | undefined;
  /** Whether it has topics that it publishes. */
  readonly publishes: boolean;
  /** Whether it subscribes to topics. */
  readonly subscribes: boolean;
}

export interface ServedContract {
  readonly name: string;
  /** Ascending. */
  readonly versions: readonly number[];
}

/** What a peer can do, as far as it may: what it said of itself over the link, and its token. Read anew each time: a token may be renewed. */
export interface Capabilities extends Omit<Claims, "contracts" | "kinds" | "load"> {
  /** The largest message it takes, in bytes. */
  readonly maxMessageBytes: number;
  /** Those of the claimed contracts that its token lets it serve: `serve:<contract>`. */
  readonly contracts: readonly ServedContract[];
  /** Those of the claimed kinds that its token lets it serve: `serve:<kind>`. */
  readonly kinds: readonly string[];
  /** Undefined also where it may serve none of its kinds. */
  readonly load: number | undefined;
  /** All that it said, whether it may or not. */
  readonly claims: Claims;
}

/** Counts down the characters of names that are still taken. */
interface Room {
  left: number;
}

/** How each member is read from a value of which nothing is known; undefined is never given. Throws `invalid_input`. */
const members: { readonly [Member in keyof Claims]: (value: unknown, room: Room) => Claims[Member] } = {
  protocol: (value) => (isVersion(value) ? value : refuse("protocol", "a whole number from 1")),
  // A type that this release does not know is no reason to refuse the rest.
  types: (value) => Object.freeze(list("types", value, 32).filter((each): each is EnvelopeType => types.includes(each as EnvelopeType))),
  contracts: (value, room) => Object.freeze(list("contracts", value, limits.helloContracts).map((each) => readContract(each, room))),
  kinds: (value, room) => Object.freeze(list("kinds", value, limits.helloKinds).map((each) => nameOf("kinds", each, room))),
  load: (value) => amount("load", value),
  rate(value) {
    const { perSecond, burst } = recordOf("rate", value);
    return Object.freeze({ perSecond: amount("rate", perSecond), burst: amount("rate", burst) });
  },
  publishes: (value) => truth("publishes", value),
  subscribes: (value) => truth("subscribes", value),
};

const nothing: readonly never[] = Object.freeze([]);
const unsaid: Omit<Claims, "protocol"> = {
  types: nothing,
  contracts: nothing,
  kinds: nothing,
  load: undefined,
  rate: undefined,
  publishes: false,
  subscribes: false,
};

/**
 * What a peer said, from a decoded JSON value of which nothing is known. The result shares nothing with it, holds at most
 * `limits.helloTextMax` characters, and has no member that is not in `Claims`: what a later release says besides is left out.
 * Throws `invalid_input`, and nothing else.
 */
export function readHello(value: unknown): Claims {
  const said = recordOf("hello", value);
  const room = { left: limits.helloTextMax };
  const claims: Record<string, unknown> = { ...unsaid, protocol: members.protocol(said.protocol, room) };
  for (const [member, read] of Object.entries(members)) if (said[member] !== undefined) claims[member] = read(said[member], room);
  return Object.freeze(claims as unknown as Claims);
}

/** The value to send, of what providers say: one that throws, or says what no peer would take, is left out. */
export function makeHello(providers: ReadonlyMap<keyof Claims, () => unknown>): Readonly<Record<string, unknown>> {
  const said: Record<string, unknown> = {};
  const room = { left: limits.helloTextMax };
  for (const [member, provide] of providers) {
    try {
      const value = provide();
      if (value !== undefined) said[member] = members[member](value, room);
    } catch {
      // The rest is still true.
    }
  }
  return said;
}

function readContract(value: unknown, room: Room): ServedContract {
  const { name, versions } = recordOf("contracts", value);
  let last = 0;
  const ascending = list("contracts", versions, limits.helloVersions).map((each) => {
    if (!isVersion(each) || each <= last) return refuse("contracts", "versions that are whole, above 0 and ascending");
    last = each;
    return each;
  });
  if (last === 0) refuse("contracts", "a version of each");
  return Object.freeze({ name: nameOf("contracts", name, room), versions: Object.freeze(ascending) });
}

function nameOf(member: string, value: unknown, room: Room): string {
  if (!isName(value)) return refuse(member, "names as methods have");
  room.left -= value.length;
  return room.left < 0 ? refuse(member, `at most ${limits.helloTextMax} characters of names in all`) : value;
}

const list = (member: string, value: unknown, most: number): readonly unknown[] =>
  Array.isArray(value) && value.length <= most ? value : refuse(member, `a list of at most ${most}`);

const amount = (member: string, value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : refuse(member, "a number from 0");

const truth = (member: string, value: unknown): boolean => (typeof value === "boolean" ? value : refuse(member, "true or false"));

function recordOf(member: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return refuse(member, "an object");
  return value as Readonly<Record<string, unknown>>;
}

function refuse(member: string, expected: string): never {
  throw new TightbeamError("invalid_input", `What the peer says of itself is invalid at ${member}: expected ${expected}.`);
}

/** Getters: permissions are those of the link's newest session. */
class PeerCapabilities implements Capabilities {
  readonly claims: Claims;
  readonly #link: Link;

  constructor(link: Link, claims: Claims) {
    this.#link = link;
    this.claims = claims;
  }

  get protocol(): number {
    return this.claims.protocol;
  }

  get types(): Claims["types"] {
    return this.claims.types;
  }

  get maxMessageBytes(): number {
    return this.#link.peer.limits.maxMessageBytes;
  }

  get contracts(): readonly ServedContract[] {
    return this.claims.contracts.filter(({ name: contract }) => this.#mayServe(contract));
  }

  get kinds(): readonly string[] {
    return this.claims.kinds.filter((kind) => this.#mayServe(kind));
  }

  get load(): number | undefined {
    return this.claims.kinds.some((kind) => this.#mayServe(kind)) ? this.claims.load : undefined;
  }

  get rate(): Claims["rate"] {
    return this.claims.rate;
  }

  get publishes(): boolean {
    return this.claims.publishes;
  }

  get subscribes(): boolean {
    return this.claims.subscribes;
  }

  #mayServe(what: string): boolean {
    return permits(this.#link.peer.permissions, `serve:${what}`);
  }
}

export const capabilitiesOf = (link: Link, claims: Claims): Capabilities => new PeerCapabilities(link, claims);
