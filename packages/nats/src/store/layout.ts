import { isKey, TightbeamError } from "@tightbeam/core/store";

/**
 * Where things stand in the bucket: `lock`, `log.<number>` and `data.<key>`. A segment of a key is a token of the subject, and an empty segment, which
 * a subject cannot hold, is `=`, which a key cannot hold: every key has one subject and every subject one key.
 */
export interface Layout {
  readonly stream: string;
  readonly all: string;
  readonly lock: string;
  readonly log: string;
  readonly data: string;
  logOf(number: number): string;
  isLog(subject: string): boolean;
  dataOf(key: string): string;
  /** Undefined for a subject that is none of a key. */
  keyOf(subject: string): string | undefined;
}

const namePattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Throws `invalid_argument`. */
export function createLayout(name: string): Layout {
  if (typeof name !== "string" || !namePattern.test(name)) throw new TightbeamError("invalid_argument", "`name` is 1 to 64 of A-Z a-z 0-9 _ -.");
  const root = `$KV.${name}.`;
  const data = `${root}data.`;
  return {
    stream: `KV_${name}`,
    all: `${root}>`,
    lock: `${root}lock`,
    log: `${root}log.*`,
    data: `${data}>`,
    logOf: (number) => `${root}log.${number.toString(16).padStart(12, "0")}`,
    isLog: (subject) => subject.startsWith(`${root}log.`),
    dataOf: (key) =>
      data +
      key
        .split("/")
        .map((segment) => segment || "=")
        .join("."),
    keyOf(subject) {
      if (!subject.startsWith(data)) return undefined;
      const key = subject
        .slice(data.length)
        .split(".")
        .map((token) => (token === "=" ? "" : token))
        .join("/");
      return isKey(key) ? key : undefined;
    },
  };
}
