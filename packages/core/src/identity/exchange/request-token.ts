import { encodeUtf8 } from "../../bytes.js";
import { TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import { invalidToken as invalid } from "../claims.js";
import { signDpop } from "../dpop.js";
import { fetchJson, type JsonAnswer } from "../fetch-json.js";
import type { IssueRequest } from "../identity.js";
import { readToken } from "../shape.js";
import type { SigningKey } from "../types.js";
import { signEnrolment } from "./enrolment.js";
import type { CredentialRequest } from "./types.js";

export interface TokenRequestsOptions {
  readonly id: string;
  readonly url: string;
  readonly credential?: (request: CredentialRequest) => string | Promise<string>;
  readonly secret?: Uint8Array;
  readonly permissions: readonly string[] | undefined;
  readonly fetch: typeof globalThis.fetch | undefined;
  /** ms for one request. */
  readonly timeout: number;
  readonly runtime: Runtime;
}

const type = "urn:ietf:params:oauth:token-type:jwt";
const statuses = [200, 400, 401, 403, 408, 413, 429, 503];
const retryAfterMaxMs = 3_600_000;

/** The other side of `authority.accept`: asks for one token at a time, and again with a nonce where one is wanted. */
export function createTokenRequests(options: TokenRequestsOptions): (request: IssueRequest, key: SigningKey) => Promise<string> {
  const { id, url, fetch, timeout, runtime } = options;
  /** The last one that was given: the next proof needs it. */
  let nonce: string | undefined;

  async function credential(key: SigningKey): Promise<string> {
    if (options.secret !== undefined) return signEnrolment({ id, secret: options.secret, key, url, runtime });
    const text: unknown = await options.credential?.({ key, url });
    if (typeof text !== "string" || text === "") throw new TightbeamError("invalid_argument", "`credential` gave no text: it gets the token to exchange.");
    return text;
  }

  async function ask(request: IssueRequest, key: SigningKey, subject: string): Promise<JsonAnswer> {
    const form = new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: subject,
      subject_token_type: type,
      requested_token_type: type,
    });
    if (request.audience !== undefined) form.set("audience", request.audience);
    if (options.permissions !== undefined && request.audience === undefined) form.set("scope", options.permissions.join(" "));
    const proof = await signDpop(key, { url, nonce, accessToken: subject, runtime });
    const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json", dpop: proof };
    const init = { method: "POST", headers, body: encodeUtf8(form.toString()) as BodyInit };
    const answer = await fetchJson({ url, name: "The authority", init, expects: (status) => statuses.includes(status) }, { fetch, timeout, runtime });
    nonce = readNonce(answer.headers.get("dpop-nonce")) ?? nonce;
    return answer;
  }

  return async (request, key) => {
    const subject = await credential(key);
    const before = nonce;
    let answer = await ask(request, key, subject);
    if (answer.status === 400 && answer.body.error === "use_dpop_nonce" && nonce !== before) answer = await ask(request, key, subject);
    if (answer.status !== 200) throw refusal(answer);
    return readAnswer(answer.body.access_token, id);
  };
}

/** RFC 9449, 8.1. */
const readNonce = (value: string | null): string | undefined => (value !== null && /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(value) ? value : undefined);

/** What nobody but us will check before peers do. Its key and its end are checked by whoever keeps it. */
function readAnswer(token: unknown, id: string): string {
  const { sub } = readToken(token as string).claims;
  if (sub !== id) throw invalid("The authority issued a token for another agent: does the credential say to be this `id`?");
  return token as string;
}

/** The authority's words are not repeated: they are not ours to vouch for. */
function refusal({ status, headers, body: { error } }: JsonAnswer): TightbeamError {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfter = seconds >= 0 ? { retryAfter: Math.min(seconds * 1000, retryAfterMaxMs) } : {};
  if (status === 429) return new TightbeamError("rate_limited", "The authority is asked for too many tokens.", retryAfter);
  if (status === 503 || status === 408) return new TightbeamError("issuer_unavailable", "The authority cannot answer now.", retryAfter);
  if (error === "invalid_scope") return new TightbeamError("forbidden", "The authority does not grant these `permissions` for this credential.");
  if (error === "invalid_target") return new TightbeamError("denied", "The authority issues no tokens for this audience.");
  if (error === "invalid_dpop_proof" || error === "use_dpop_nonce")
    return invalid("The authority refused the proof of the key: is `url` exactly the one it knows itself by? Compare the clocks of both machines, too.");
  if (error === "invalid_grant") return invalid("The authority refused the credential: its log says why.");
  return new TightbeamError("unsupported", "The authority's URL serves no token exchange as this library asks for it.");
}
