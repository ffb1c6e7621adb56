import { TightbeamError } from "../errors.js";

/** `segment(:segment)*`, a segment of `A-Z a-z 0-9 . _ / -`, at most 256 characters. A grant may end in `:*`. */
const wanted = /^[\w./-]+(?::[\w./-]+)*$/;
const lengthMax = 256;

/** At most this many in one token. */
export const permissionsMax = 256;

/** True for a permission as tokens grant it: `call:summarize`, or with a last segment `*`: `call:*`. */
export const isPermission = (value: unknown): value is string =>
  typeof value === "string" && value.length <= lengthMax && (wanted.test(value) || (value.endsWith(":*") && wanted.test(value.slice(0, -2))));

/**
 * True when one of the granted permissions is `permission`, or ends in `:*` and covers it: `call:*` covers `call:summarize` and
 * `call:docs:find`, never `call`. What is outside the grammar grants nothing and is never granted. Linear in the length of the list.
 */
export function permits(permissions: readonly string[], permission: string): boolean {
  if (typeof permission !== "string" || permission.length > lengthMax || !wanted.test(permission)) return false;
  return permissions.some(
    (granted) => granted === permission || (isPermission(granted) && granted.endsWith(":*") && permission.startsWith(granted.slice(0, -1))),
  );
}

/** The realm of an agent id, as it stands in `presence/<realm>`: what is before the `/`, `_` without one. */
export const realmOf = (id: string): string => (id.includes("/") ? id.slice(0, id.indexOf("/")) : "_");

/** What a token for a relay carries of an agent's permissions: those that begin with `transport:`, for the relay sees them, and presence in the agent's own realm. */
export function forRelay(id: string, permissions: readonly string[], presence = true): readonly string[] {
  const own = permissions.filter((permission) => permission.startsWith("transport:"));
  const realm = `transport:presence:${realmOf(id)}`;
  return !presence || own.includes("transport:presence") || permits(own, realm) ? own : [...own, realm];
}

/** What they are, for messages. */
export const permissionsForm =
  "at most 256 strings such as 'call:summarize' or 'call:*', each at most 256 characters of A-Z a-z 0-9 . _ / - in segments joined by ':'; '*' is a whole last segment, so there is no 'call:search.*'";

/** A copy. Throws `invalid_argument` for anything outside the grammar. */
export function checkPermissions(permissions: readonly string[]): readonly string[] {
  if (!Array.isArray(permissions) || permissions.length > permissionsMax || !permissions.every(isPermission))
    throw new TightbeamError(
      "invalid_argument",
      `Permissions are ${permissionsForm}. For all of a contract name each of its methods, or grant 'call:*' and let the agents decide: createAgent({ policy: (peer, permission) => ... }).`,
    );
  return Object.freeze([...permissions]);
}
