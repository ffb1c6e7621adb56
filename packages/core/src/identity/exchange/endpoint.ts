import { isTightbeamError, TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Authority } from "../authority-types.js";
import { permits } from "../permissions.js";
import { readToken } from "../shape.js";
import { type Acceptors, createAcceptors } from "./acceptors.js";
import { answer, answerRefusal, refusalOf, type Stage } from "./answers.js";
import { readForm } from "./form.js";
import { createLiveKeys } from "./live-keys.js";
import { createNonces } from "./nonces.js";
import { checkEndpoint, pathOf } from "./options.js";
import { createPlaces } from "./places.js";
import { createRates } from "./rates.js";
import { createReplays } from "./replays.js";
import type { RequestOrigin, TokenEndpoint, TokenEndpointOptions, TokenEvent, TokenIssued } from "./types.js";
import { verifyDpop } from "./verify-dpop.js";

/** What is remembered at most: used proofs, sources, agents, and keys of all agents together. */
const entriesMax = 100_000;

/** Printable ASCII. */
const audienceGrammar = /^[\x21-\x7e]{1,256}$/;

/** Pages of any origin may verify tokens. */
const publicKeys = { "content-type": "application/jwk-set+json", "cache-control": "no-cache", "access-control-allow-origin": "*" };

type Issuing = Pick<Authority, "issuer" | "issue" | "jwks">;

/** What a request turned out to be, as far as it came. */
interface Progress {
  stage: Stage;
  source: string | undefined;
  thumbprint?: string;
  credential?: string;
  id?: string;
  /** Makes the proof count again. */
  unuse?: () => void;
}

/** `POST /token` of an authority: a credential and the proof of a key in, a token bound to that key out. Throws `invalid_argument`, `invalid_key`. */
export async function createTokenEndpoint(authority: Issuing, options: TokenEndpointOptions, runtime: Runtime): Promise<TokenEndpoint> {
  const { url, jwksUrl, limits } = checkEndpoint(options);
  const { clock, timers } = runtime;
  const acceptors: Acceptors = await createAcceptors(options.credentials, authority.issuer, url);
  const audiences = options.audiences?.slice();
  const nonces = options.nonce === false ? undefined : createNonces(runtime);
  const places = createPlaces(limits.concurrent, limits.concurrentPerSource);
  const all = createRates(clock, limits.perMinute, 1);
  const sources = createRates(clock, limits.perMinutePerSource, entriesMax);
  const agents = createRates(clock, limits.perMinutePerAgent, entriesMax);
  const replays = createReplays(clock, entriesMax);
  const liveKeys = createLiveKeys(limits.keysPerAgent, entriesMax);

  function emit(event: TokenEvent): void {
    try {
      options.onEvent?.(Object.freeze(event));
    } catch {
      // A listener's mistake is not the endpoint's.
    }
  }

  /** From what costs least to what costs most; nothing is remembered before everything counts. */
  async function exchange(request: Request, progress: Progress): Promise<{ readonly body: object; readonly event: TokenIssued }> {
    const proof = request.headers.get("dpop");
    const { credential: text, audience, permissions: wanted } = await readForm(request, limits.bodyBytes, limits.bodyTimeout, timers);
    progress.stage = "proof";
    if (proof === null) throw new TightbeamError("malformed", "The header 'DPoP' is missing.");
    const now = clock.wall();
    const { key, once } = await verifyDpop(proof, { url, method: "POST", accessToken: text, now, knowsNonce: nonces?.knows });
    progress.thumbprint = key.thumbprint;
    replays.check(once);
    progress.stage = "credential";
    const shown = acceptors.find(text, { thumbprint: key.thumbprint, now });
    const admitted = await shown.admit();
    const { id } = admitted;
    Object.assign(progress, { stage: "grant", credential: shown.name, id } satisfies Partial<Progress>);
    const permissions = wanted === undefined ? admitted.permissions : narrowed(admitted.permissions, wanted);
    if (audience !== undefined && !(audienceGrammar.test(audience) && (audiences?.includes(audience) ?? true)))
      throw new TightbeamError("denied", "The audience is not listed, or none.");
    agents.take(id);
    progress.unuse = replays.use(once);
    const lifetime = admitted.lifetime === undefined ? {} : { lifetime: admitted.lifetime };
    const token = await authority.issue({
      id,
      publicKey: key.publicJwk,
      ...lifetime,
      ...(audience === undefined ? { permissions } : { audience, permissions: permissions.filter((each) => each.startsWith("transport:")) }),
    });
    const { jti, exp, permissions: granted } = readToken(token).claims as { jti: string; exp: number; permissions: readonly string[] };
    liveKeys.add(id, key.thumbprint, exp * 1000, clock.wall());
    return {
      body: {
        access_token: token,
        issued_token_type: "urn:ietf:params:oauth:token-type:jwt",
        // It is shown to peers and relays inside a handshake, never as an access token (RFC 8693, 2.2.1).
        token_type: "N_A",
        expires_in: Math.max(0, exp - Math.floor(clock.wall() / 1000)),
        scope: granted.join(" "),
      },
      event: {
        type: "issued",
        id,
        credential: shown.name,
        thumbprint: key.thumbprint,
        jti,
        audience,
        permissions: granted,
        expiresAt: exp * 1000,
        source: progress.source,
      },
    };
  }

  function refuse(error: unknown, { stage, source, thumbprint, credential, id, unuse }: Progress): Response {
    unuse?.();
    const refusal = refusalOf(error, stage);
    const reason = isTightbeamError(error) ? error.message : "The endpoint failed: see the cause.";
    emit({ type: "refused", status: refusal.status, error: refusal.error, reason, cause: error, id, credential, thumbprint, source });
    return answerRefusal(refusal, nonces === undefined || refusal.status >= 429 ? {} : { "dpop-nonce": nonces.current() });
  }

  async function handle(request: Request, source: string | undefined): Promise<Response> {
    const path = pathOf(request.url);
    const [serves, method] = path === pathOf(url) ? ["token", "POST"] : path === pathOf(jwksUrl) ? ["jwks", "GET"] : ["nothing", ""];
    if (serves === "nothing") return answer(404, { error: "not_found" });
    if (request.method !== method) return answer(405, { error: "method_not_allowed" }, { allow: method });
    const progress: Progress = { stage: "request", source };
    let leave: () => void = () => undefined;
    try {
      if (source !== undefined) sources.take(source);
      all.take("");
      leave = places.enter(source);
      if (serves === "jwks") return answer(200, authority.jwks(), publicKeys);
      const { body, event } = await exchange(request, progress);
      emit(event);
      return answer(200, body, nonces === undefined ? {} : { "dpop-nonce": nonces.current() });
    } catch (error) {
      return refuse(error, progress);
    } finally {
      leave();
    }
  }

  return Object.freeze({
    url,
    jwksUrl,
    handle: (request: Request, { source }: RequestOrigin = {}) => handle(request, source).catch(() => answer(500, { error: "server_error" })),
  } satisfies TokenEndpoint);
}

/** Throws `forbidden`. */
function narrowed(given: readonly string[], wanted: readonly string[]): readonly string[] {
  if (!wanted.every((each) => given.includes(each) || permits(given, each)))
    throw new TightbeamError("forbidden", "The 'scope' asks for more than the credential is worth.");
  return [...new Set(wanted)];
}
