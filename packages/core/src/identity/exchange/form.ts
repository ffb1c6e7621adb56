import { decodeUtf8 } from "../../bytes.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import type { Timers } from "../../runtime/runtime.js";
import { permissionsMax } from "../permissions.js";
import { readBody } from "../read-body.js";

const fieldsMax = 32;
const grantType = "urn:ietf:params:oauth:grant-type:token-exchange";
const tokenType = "urn:ietf:params:oauth:token-type:";

/** RFC 8693, 2.1, as far as it is served. */
export interface ExchangeRequest {
  readonly credential: string;
  readonly audience: string | undefined;
  /** `scope`: fewer permissions than there would be. */
  readonly permissions: readonly string[] | undefined;
}

const malformed = (message: string): TightbeamError => new TightbeamError("malformed", message);

/** The form of a request for a token. Throws `malformed`, `too_large`, `timeout`, `unsupported`, `denied`. */
export async function readForm(request: Request, maxBytes: number, timeout: number, timers: Timers): Promise<ExchangeRequest> {
  const [type = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/x-www-form-urlencoded") throw malformed("The body is no application/x-www-form-urlencoded.");
  if (request.headers.has("content-encoding")) throw malformed("The body is encoded.");
  const form = fields(await readInTime(request, maxBytes, timeout, timers));
  if (form.get("grant_type") !== grantType) throw new TightbeamError("unsupported", "The 'grant_type' is not a token exchange (RFC 8693).");
  const credential = form.get("subject_token");
  if (credential === undefined) throw malformed("The 'subject_token' is missing.");
  if (!["jwt", "access_token", "id_token"].some((kind) => form.get("subject_token_type") === tokenType + kind))
    throw malformed("The 'subject_token_type' is missing, or not of a JWT.");
  if (form.has("actor_token")) throw malformed("An 'actor_token' is not supported.");
  if (form.has("resource")) throw new TightbeamError("denied", "A 'resource' is not supported: use 'audience'.");
  if (![undefined, "jwt"].some((kind) => form.get("requested_token_type") === (kind && tokenType + kind)))
    throw malformed("The 'requested_token_type' is not of a JWT.");
  const permissions = form.get("scope")?.split(" ", permissionsMax + 1);
  if (permissions !== undefined && permissions.length > permissionsMax) throw malformed("The 'scope' is too long.");
  return { credential, audience: form.get("audience"), permissions };
}

async function readInTime(request: Request, maxBytes: number, timeout: number, timers: Timers): Promise<string> {
  const tooLarge = (): TightbeamError => new TightbeamError("too_large", `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  let cancel: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = timers.after(timeout, () => reject(new TightbeamError("timeout", `The body did not arrive within ${timeout} ms.`)), { background: true });
  });
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readBody(request.body, maxBytes, late);
  } catch (cause) {
    throw isTightbeamError(cause) ? cause : new TightbeamError("malformed", "The body broke off.", { cause });
  } finally {
    cancel();
  }
  if (bytes === undefined) throw tooLarge();
  return decodeUtf8(bytes);
}

/** Each at most once (RFC 6749, 3.2), those without a value as if they were not there, those nobody knows too. */
function fields(text: string): ReadonlyMap<string, string> {
  const form = new Map<string, string>();
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > fieldsMax) throw malformed("The body has too many fields.");
    if (form.has(name)) throw malformed("The body has a field twice.");
    form.set(name, value);
  }
  for (const [name, value] of form) if (value === "") form.delete(name);
  return form;
}
