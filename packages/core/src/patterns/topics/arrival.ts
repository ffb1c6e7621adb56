import type { EnvelopeHeader } from "../../envelope/types.js";
import type { Link } from "../../link/link-types.js";
import type { Lane } from "../../link/message.js";

/** An event that came over a link, until every handler it was for is done with it. */
export interface Arrival {
  readonly link: Link;
  readonly header: EnvelopeHeader;
  readonly topic: string;
  readonly lane: Lane;
  readonly cost: number;
  /** Handlers that are not done. */
  pending: number;
  /** What one of them failed with. */
  fault?: unknown;
  /** The subscriber may be sent as much again. */
  done(): void;
}

/** One handler fewer. */
export function settle(arrival: Arrival): void {
  if (--arrival.pending === 0) arrival.done();
}
