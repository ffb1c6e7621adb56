import { type Address, isAddress, isAgentId, TightbeamError } from "@tightbeam/core/transport";

/**
 * Addresses as subjects: `<prefix>.<segment>.<segment>`. Nothing else in this package makes a subject, and only what the two grammars allow gets through:
 * letters, digits, `_` and `-` between single dots. So neither a wildcard nor `$`, white space or a line break can reach the wire, whatever the client checks.
 */
export interface Subjects {
  /** Throws `invalid_address` for a string that `address()` would not have made. */
  encode(at: Address): string;
  /** Undefined for a subject that `encode` does not make. */
  decode(subject: string): Address | undefined;
}

/** One token, so that no prefix can lie within another; those that begin with `_` (`_INBOX`, `_R_`, `_GR_`) belong to NATS itself. */
const prefixGrammar = /^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$/;
const namesMax = 1_024;

/** Throws `invalid_argument` for a prefix outside the grammar. */
export function createSubjects(prefix: string): Subjects {
  if (typeof prefix !== "string" || !prefixGrammar.test(prefix)) {
    throw new TightbeamError(
      "invalid_argument",
      "A subject prefix is 1 to 64 of A-Z a-z 0-9 _ -, without a leading _ and without dots: one token for each tenant.",
    );
  }
  const known = new Map<Address, string>();
  const learn = (at: Address): string => {
    if (!isAddress(at)) throw new TightbeamError("invalid_address", "Addresses come from address(); this string is outside the grammar.");
    if (known.size >= namesMax) known.clear();
    const subject = `${prefix}.${at.replaceAll("/", ".")}`;
    known.set(at, subject);
    return subject;
  };
  return {
    encode: (at) => known.get(at) ?? learn(at),
    decode(subject) {
      if (!subject.startsWith(`${prefix}.`)) return undefined;
      const rest = subject.slice(prefix.length + 1);
      const at = rest.replaceAll(".", "/");
      return !rest.includes("/") && isAddress(at) ? at : undefined;
    },
  };
}

/** A group as a queue name: `realm.name`. Throws `invalid_argument`. */
export function queueOf(group: string): string {
  if (!isAgentId(group)) throw new TightbeamError("invalid_argument", "A group is named like an agent: [realm/]name.");
  return group.replace("/", ".");
}
