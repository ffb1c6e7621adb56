import { decodeUtf8 } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { badJson, scanJson } from "./json-scan.js";
import { type JsonLimits, jsonLimits } from "./limits.js";
import { formatPath } from "./path.js";

/**
 * Parses JSON from outside. The caps for bytes, depth, keys and containers hold before anything is parsed; a key named `__proto__`, a
 * lone surrogate (raw or escaped), a byte order mark and a number too large for a double are refused at every level.
 * Other names (`constructor`, `toString`) are ordinary own keys. Of a key given twice the last one counts.
 * Throws `too_large` past the byte cap, otherwise `invalid_envelope` with a place, never with the text.
 */
export function decodeJson(bytes: Uint8Array, limits: JsonLimits = jsonLimits): unknown {
  if (bytes.length > limits.jsonMaxBytes) {
    throw new TightbeamError(
      "too_large",
      `The JSON payload has ${bytes.length} bytes, the limit here is ${limits.jsonMaxBytes}: send it as bytes or in parts.`,
    );
  }
  const mayOverflow = scanJson(bytes, limits);
  const text = strictText(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's message quotes the text: it stays here.
    throw badJson("is not JSON");
  }
  if (mayOverflow) refuseInfinity(value, []);
  return value;
}

function strictText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw badJson("is not well-formed UTF-8");
  }
}

/** Depth is bounded by the scan, so the recursion is too. */
function refuseInfinity(value: unknown, path: (string | number)[]): void {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw badJson(`holds a number beyond the range of a double at ${formatPath("payload", path)}`);
  } else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) descend(value[i], i, path);
  } else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) descend((value as Record<string, unknown>)[key], key, path);
  }
}

function descend(value: unknown, key: string | number, path: (string | number)[]): void {
  if (typeof value !== "number" && typeof value !== "object") return;
  path.push(key);
  refuseInfinity(value, path);
  path.pop();
}
