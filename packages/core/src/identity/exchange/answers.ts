import { isTightbeamError } from "../../errors.js";

/** How far a request had come when it was refused. */
export type Stage = "request" | "proof" | "credential" | "grant";

/** What the client is told: never more than which of its parts does not count. */
export interface Refusal {
  readonly status: number;
  /** RFC 6749, 5.2; RFC 8693, 2.2.2; RFC 9449, 5 and 8. */
  readonly error: string;
  readonly description: string;
  /** Whole seconds. */
  readonly retryAfter: number | undefined;
}

const byStage: Readonly<Record<Stage, readonly [string, string]>> = {
  request: ["invalid_request", "The request is no token exchange as this endpoint serves it."],
  proof: ["invalid_dpop_proof", "The DPoP proof does not count here and now."],
  credential: ["invalid_grant", "The credential does not count here."],
  grant: ["invalid_grant", "The credential does not count here."],
};

/** Codes that mean the same at every stage. */
const byCode: Readonly<Record<string, readonly [number, string, string]>> = {
  too_large: [413, "invalid_request", "The request is too large."],
  timeout: [408, "invalid_request", "The request took too long."],
  rate_limited: [429, "temporarily_unavailable", "Too many requests: try again later."],
  overloaded: [503, "temporarily_unavailable", "Too much work: try again later."],
  issuer_unavailable: [503, "temporarily_unavailable", "The credential cannot be judged now: try again later."],
  unavailable: [503, "temporarily_unavailable", "The endpoint cannot answer now: try again later."],
  forbidden: [400, "invalid_scope", "The scope goes beyond what the credential is worth."],
  denied: [400, "invalid_target", "The audience or resource is not served."],
};

export function refusalOf(error: unknown, stage: Stage): Refusal {
  // A token that would be too large is the fault of who set the permissions.
  if (!isTightbeamError(error) || (stage === "grant" && error.code === "too_large"))
    return { status: 500, error: "server_error", description: "The endpoint failed.", retryAfter: undefined };
  const { code } = error;
  const retryAfter = error.retryAfter === undefined ? undefined : Math.max(1, Math.ceil(error.retryAfter / 1000));
  const general = Object.hasOwn(byCode, code) ? byCode[code] : undefined;
  if (general !== undefined) return { status: general[0], error: general[1], description: general[2], retryAfter };
  if (stage === "request" && code === "unsupported")
    return { status: 400, error: "unsupported_grant_type", description: "This endpoint serves token exchange (RFC 8693).", retryAfter };
  if (stage === "proof" && code === "expired_token")
    return { status: 400, error: "use_dpop_nonce", description: "The DPoP proof needs the nonce of this answer.", retryAfter };
  const [name, description] = byStage[stage];
  return { status: 400, error: name, description, retryAfter };
}

const fixed = { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" };

export const answer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { ...fixed, ...headers } });

export const answerRefusal = ({ status, error, description, retryAfter }: Refusal, headers: Readonly<Record<string, string>>): Response =>
  answer(status, { error, error_description: description }, retryAfter === undefined ? headers : { ...headers, "retry-after": String(retryAfter) });
