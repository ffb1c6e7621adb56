import { decodePayload } from "../codec/index.js";
import type { JsonLimits } from "../codec/limits.js";
import type { EncodedPayload } from "../codec/types.js";
import { uuidText } from "../envelope/id.js";
import type { Envelope, OutgoingHeader } from "../envelope/types.js";
import type { Link } from "../link/link-types.js";
import type { Emitter } from "../telemetry/events.js";

/** Shows every envelope, with its payload decoded, to those who listen. */
export const createObserver =
  (ownId: string, json: JsonLimits, envelopes: Emitter<Envelope>) =>
  (direction: "sent" | "received") =>
  (link: Link, header: OutgoingHeader, payload: EncodedPayload | undefined): void => {
    if (!envelopes.listened) return;
    const id = typeof header.id === "string" ? header.id : uuidText(header.id, 0);
    const [from, to] = direction === "sent" ? [ownId, link.peer.id] : [link.peer.id, ownId];
    try {
      const value = decodePayload(payload, json);
      envelopes.emit({ ...header, id, version: 1, from, to, ...(value === undefined ? undefined : { payload: value }) });
    } catch {
      // Its handler's caller gets the typed error; an observer sees envelopes that are whole.
    }
  };
