import { isVersion } from "../envelope/grammar.js";
import { checkKnown } from "../known-options.js";
import type { Method } from "./method.js";
import { checkName, invalid } from "./standard-schema.js";
import type { Stream } from "./stream.js";
import type { Topic } from "./topic.js";

export type ContractMember = Method | Stream | Topic;
export type ContractMembers = Readonly<Record<string, ContractMember>>;

/** What belongs together, in one version. `contract()` makes one; it is frozen and may be shared by all sides. */
export interface Contract<Members extends ContractMembers = ContractMembers> {
  readonly kind: "contract";
  readonly name: string;
  readonly version: number;
  /** By what the client calls them. Their names are those on the wire: `search.find@2` for methods and streams, `search.progress` for topics. */
  readonly methods: Members;
}

export interface ContractOptions<Members extends ContractMembers> {
  /** As a method's. */
  readonly name: string;
  /** 1 to 999,999,999. Another version may be served beside it. */
  readonly version: number;
  readonly methods: Members & Readonly<Partial<Record<ReservedMember, never>>>;
}

/** Names that the client uses itself, or that a promise would have. */
export type ReservedMember = "notify" | "subscribe" | "then";

const options = ["name", "version", "methods"];
const memberKey = /^[A-Za-z]\w{0,63}$/;
const reserved: readonly string[] = ["notify", "subscribe", "then"] satisfies ReservedMember[];
const kinds: readonly unknown[] = ["method", "stream", "topic"];

/** At most this many in one contract. */
export const contractMembersMax = 256;

/**
 * Bundles methods, streams and topics under a name and a version. On the wire a method or stream is `<contract>.<name>@<version>`; its
 * callers need the permission `call:<contract>.<name>`. A topic is `<contract>.<name>` in every version. Throws `invalid_argument`.
 */
export function contract<const Members extends ContractMembers>({ name, version, methods, ...unknown }: ContractOptions<Members>): Contract<Members> {
  checkName("contract", name);
  const made = `contract "${name}"`;
  checkKnown(made, unknown, options);
  if (!isVersion(version)) throw invalid(`The version of ${made} is a whole number from 1 to 999,999,999.`);
  if (typeof methods !== "object" || methods === null) throw invalid(`The methods of ${made} are an object of method(), stream() and topic().`);
  const keys = Object.keys(methods);
  if (keys.length === 0 || keys.length > contractMembersMax) throw invalid(`A contract has 1 to ${contractMembersMax} methods, streams and topics.`);
  const names = new Set<string>();
  const members: Record<string, ContractMember> = {};
  for (const key of keys) {
    if (!memberKey.test(key) || reserved.includes(key) || key in Object.prototype)
      throw invalid(`The methods of ${made} are called by names of A-Z a-z 0-9 _, not by ${reserved.join(", ")} or what every object has.`);
    const member = (methods as ContractMembers)[key] as ContractMember | undefined;
    if (member === undefined || member === null || !kinds.includes(member.kind) || !Object.isFrozen(member))
      throw invalid(`'${key}' of ${made} is not what method(), stream() or topic() made.`);
    if (member.name.includes("@")) throw invalid(`'${key}' of ${made} belongs to a contract already.`);
    const wireName = member.kind === "topic" ? `${name}.${member.name}` : `${name}.${member.name}@${version}`;
    checkName(member.kind, wireName.replace(/@.*/, ""));
    if (wireName.length > 128) throw invalid(`The name ${wireName} of ${made} is longer than 128 characters.`);
    if (names.has(wireName)) throw invalid(`${made} has '${member.name}' twice.`);
    names.add(wireName);
    members[key] = Object.freeze({ ...member, name: wireName });
  }
  return Object.freeze({ kind: "contract", name, version, methods: Object.freeze(members) as Members });
}

/** Throws `invalid_argument` unless it is what `contract()` made. */
export function checkContract<C extends Contract>(made: C): C {
  if ((made as Contract | undefined)?.kind !== "contract" || !Object.isFrozen(made))
    throw invalid("A contract is what contract({ name, version, methods }) makes.");
  return made;
}
