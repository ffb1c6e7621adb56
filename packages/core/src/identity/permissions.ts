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

/** A copy. Throws `invalid_argument` for anything outside the grammar. */
export function checkPermissions(permissions: readonly string[]): readonly string[] {
  if (!Array.isArray(permissions) || permissions.length > permissionsMax || !permissions.every(isPermission))
    throw new TightbeamError(
      "invalid_argument",
      "Permissions are at most 256 strings such as 'call:summarize' or 'call:*', each at most 256 characters of A-Z a-z 0-9 . _ / - in segments joined by ':'.",
    );
  return Object.freeze([...permissions]);
}
