import { encodeUtf8 } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import { crypto } from "../../crypto/index.js";
import { isTightbeamError } from "../../errors.js";
import type { Call } from "../answering/running-calls.js";

/** What the same key must stand for: requests and notifications of one method with the same bytes. */
export function contentOf({ header }: Call, payload: EncodedPayload | undefined): Uint8Array {
  const kind = payload === undefined ? "none" : payload.kind;
  const about = encodeUtf8(`${header.type} ${header.method ?? ""} ${kind} `);
  const { sha256 } = crypto();
  return payload === undefined ? sha256.digest(about) : sha256.digest(about, payload.bytes);
}

/** Whether trying again would find the same: then it is what every repetition gets. A notification's failure is nobody's reply. */
export function isLasting(call: Call, error: unknown): boolean {
  if (call.header.type !== "request") return false;
  if (!isTightbeamError(error)) return true;
  return !error.retryable && !passing.has(error.code);
}

/** Said before the handler began, or when it was told to stop. */
const passing = new Set(["no_handler", "unsupported_version", "forbidden", "closed", "cancelled", "invalid_envelope"]);
