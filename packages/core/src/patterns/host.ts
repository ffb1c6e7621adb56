import type { JsonLimits } from "../codec/limits.js";
import type { EncodedPayload } from "../codec/types.js";
import type { Ids } from "../envelope/id.js";
import type { OutgoingHeader } from "../envelope/types.js";
import type { TightbeamError } from "../errors.js";
import type { Identity } from "../identity/types.js";
import type { Link } from "../link/link-types.js";
import type { Links } from "../link/links-types.js";
import type { Runtime } from "../runtime/runtime.js";
import type { AdmissionSlot } from "./admission/slot.js";
import type { MiddlewareChain } from "./answering/middleware.js";
import type { CapabilityExchange } from "./peers/capabilities.js";
import type { Presence } from "./presence/presence.js";
import type { System } from "./system.js";
import type { Taps } from "./taps.js";

/** What an agent gives each of its patterns to work with. */
export interface PatternHost {
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly instance: string;
  readonly ids: Ids;
  readonly taps: Taps;
  readonly json: JsonLimits;
  readonly links: Pick<Links, "connect" | "find" | "choose" | "list" | "seek" | "budget">;
  readonly system: System;
  readonly admission: AdmissionSlot;
  readonly presence: Presence;
  /** What an application put before its handlers: for requests and notifications the server asks it, other patterns do so themselves. */
  readonly middleware: MiddlewareChain;
  /** What the two sides of a link say of themselves: each pattern provides its part. */
  readonly capabilities: CapabilityExchange;
  /** Told of every envelope that is sent. */
  readonly observe: (link: Link, header: OutgoingHeader, payload: EncodedPayload | undefined) => void;
  /** Somebody listens to it. */
  readonly observed: () => boolean;
  /** A handler failed: the rest of what the peer is told only by id. */
  readonly onFailure: (failure: { readonly id: string; readonly method: string; readonly peer: string; readonly error: unknown }) => void;
  /** An authenticated peer sent what nothing here takes. */
  readonly onRefused: (refused: { readonly peer: string; readonly error: TightbeamError }) => void;
}

/** A pattern, as the agent around it sees it: told of links, and of the end. */
export interface PatternPart {
  /** A link's first session is there, or its transport is up again. */
  linkUp?(link: Link): void;
  /** Its peer is silent with something pending. */
  linkSuspect?(link: Link): void;
  linkEnded?(link: Link, error: TightbeamError): void;
  /** The agent is about to close: refuses what comes from now on with this error, and settles when what runs is over. */
  drain?(error: TightbeamError): Promise<void>;
  /** The agent closes: `linkEnded` follows for every link. Settles at once. */
  stop?(error: TightbeamError): void;
}
