import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { ServedContract } from "../peers/hello.js";

/** What is answered here. */
export interface Answered {
  /** The names that are answered, versions of contracts included. */
  members(): readonly { readonly name: string; readonly kind: string }[];
  /** The contracts that are served. */
  readonly served: { readonly list: readonly ServedContract[] };
}

/** Why `name` is not answered: `unsupported_version` with the versions there are, or `no_handler`. */
export function missing(name: string, { members, served }: Answered): TightbeamError {
  const [base = "", asked] = name.split("@");
  const versions = new Set<number>();
  for (const { name: each, kind } of members()) {
    if (each === name)
      return new TightbeamError("no_handler", `At its receiver '${name}' is a ${kind}: a method is called by request() or notify(), a stream by stream().`);
    if (each.startsWith(base) && each[base.length] === "@") versions.add(Number(each.slice(base.length + 1)));
  }
  if (versions.size > 0) return unsupported(base, versions, asked);
  const owner = asked === undefined ? undefined : ownerOf(base, served.list);
  if (owner === undefined || owner.versions.includes(Number(asked)))
    return new TightbeamError("no_handler", `Its receiver has no handler for '${name}': check the name, and that handle() runs there before it is called.`);
  return unsupported(owner.name, owner.versions, asked);
}

/** The contract that `base` would be of: the longest of those it begins with. */
const ownerOf = (base: string, list: readonly ServedContract[]): ServedContract | undefined =>
  list.filter(({ name }) => base.startsWith(`${name}.`)).sort((one, other) => other.name.length - one.name.length)[0];

function unsupported(what: string, versions: Iterable<number>, asked: string | undefined): TightbeamError {
  const some = [...versions]
    .sort((one, other) => one - other)
    .slice(-limits.helloVersions)
    .join(", ");
  const not = asked === undefined ? "" : `, not ${asked}`;
  return new TightbeamError("unsupported_version", `'${what}' is served here in version ${some}${not}. Use one that is served.`);
}
