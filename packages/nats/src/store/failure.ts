import { type ErrorCode, TightbeamError } from "@tightbeam/core/store";

/**
 * sequence: the stream's last message is another than was expected. full: no room. too_large: the message is. gone: there is no such stream. none: there is no
 * such message. disabled: no JetStream here. denied: a permission is missing. unavailable: no answer, or none yet; what was asked may have been done. nobody: nothing there answers, for now or for good.
 * ended: the connection is closed for good. refused: any other answer.
 */
export type FailureKind = "sequence" | "full" | "too_large" | "gone" | "none" | "disabled" | "denied" | "unavailable" | "nobody" | "ended" | "refused";

/** What went wrong with one request to JetStream. Never leaves this package. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

export const kindOf = (error: unknown): FailureKind | undefined => (error instanceof Failure ? error.kind : undefined);

/** Whether the same request may get an answer later. A server that reads its configuration again says for a moment that JetStream is off. */
export const passes = (error: unknown): boolean => ["unavailable", "nobody", "disabled"].includes(kindOf(error) ?? "");

/** Numbers of nats-server's errors.json. */
const byNumber: Readonly<Record<number, FailureKind>> = {
  10002: "full",
  10023: "full",
  10028: "full",
  10047: "full",
  10122: "full",
  10054: "too_large",
  10037: "none",
  10043: "none",
  10057: "none",
  10039: "disabled",
  10076: "disabled",
  10059: "gone",
  10070: "sequence",
  10071: "sequence",
  10014: "gone",
};

interface ApiError {
  readonly code?: unknown;
  readonly err_code?: unknown;
  readonly description?: unknown;
}

/** The failure that an answer of JetStream tells of. */
export function apiFailure(given: unknown): Failure {
  const { code, err_code: number, description } = (given ?? {}) as ApiError;
  const says = typeof description === "string" ? description.slice(0, 200) : "no reason";
  const known = typeof number === "number" && Object.hasOwn(byNumber, number) ? byNumber[number] : undefined;
  if (known !== undefined) return new Failure(known, says);
  // 10077: the stream took the message and could not store it.
  if (/^maximum (?:bytes|messages)|no space|insufficient/i.test(says)) return new Failure("full", says);
  if (/^message size exceeds/i.test(says)) return new Failure("too_large", says);
  return new Failure(code === 503 || code === 408 ? "unavailable" : "refused", says);
}

interface AnyError extends Error {
  readonly code?: unknown;
  readonly chainedError?: unknown;
}

/** By the error's name, code and message, the innermost first: the two generations of clients wrap differently. */
const known: readonly (readonly [RegExp, FailureKind])[] = [
  [/permission/i, "denied"],
  [/max_?payload|maximum payload/i, "too_large"],
  [/no.?responders|^503\b/i, "nobody"],
  [/timeout/i, "unavailable"],
  [/closed|draining/i, "ended"],
];

/** The failure that an error of the client tells of. */
export function clientFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const texts: string[] = [];
  for (let next: unknown = error; next instanceof Error && texts.length < 8; next = next.cause ?? (next as AnyError).chainedError)
    texts.push(`${(next as AnyError).code ?? ""} ${next.name} ${next.message}`.trim());
  for (const text of texts.reverse()) {
    const hit = known.find(([pattern]) => pattern.test(text));
    if (hit !== undefined) return new Failure(hit[1], error instanceof Error ? error.message : "", error);
  }
  return new Failure("unavailable", "the client gave no reason that is known", error);
}

const codes: Readonly<Record<FailureKind, ErrorCode>> = {
  sequence: "store_locked",
  full: "store_full",
  too_large: "too_large",
  gone: "store_damaged",
  none: "store_damaged",
  disabled: "unsupported",
  denied: "denied",
  unavailable: "unavailable",
  nobody: "unsupported",
  ended: "store_failed",
  refused: "store_failed",
};

const advice: Readonly<Record<FailureKind, string>> = {
  sequence: "another process has the store",
  full: "there is no room; raise the bucket's max_bytes or the account's limit, or remove entries",
  too_large: "the server takes no message of this size; raise its max_payload",
  gone: "the bucket is gone; whoever deleted it, or restarted a server that kept it in memory, deleted what the store held",
  none: "an entry is gone that was there",
  disabled: "JetStream is not enabled there; start nats-server with -js, and enable it for the account",
  denied: "a permission is missing; docs/nats.md lists what a user of the store needs",
  unavailable: "the server did not answer in time; try again",
  nobody: "JetStream does not answer there; start nats-server with -js, and enable it for the account",
  ended: "the connection is closed",
  refused: "JetStream refused",
};

/** For the application. `what` begins the message. */
export function storeError(error: unknown, what: string, code?: ErrorCode): TightbeamError {
  if (error instanceof TightbeamError) return error;
  const failure = clientFailure(error);
  const server = failure.kind === "refused" ? ` (${failure.message})` : "";
  return new TightbeamError(code ?? codes[failure.kind], `${what}: ${advice[failure.kind]}${server}.`, { cause: error });
}
