import type { EnvelopeHeader } from "../envelope/types.js";
import type { TightbeamError } from "../errors.js";
import type { Link } from "../link/link-types.js";

/** What a peer asks of this agent's application. */
export interface Incoming {
  readonly kind: "request" | "notification" | "stream" | "subscribe" | "event";
  readonly link: Link;
  readonly header: EnvelopeHeader;
  /** What the peer's token must allow once there is a policy: `call:summarize`, `subscribe:progress`. */
  readonly permission: string;
}

/** Decides whether and when what a peer asks reaches the application: before its payload is decoded, so that a refusal tells nothing of schemas. */
export interface Admission {
  /** Calls one of the two, now or later, once. `leave` must be called when the application is done with it. */
  admit(incoming: Incoming, run: (leave: () => void) => void, refuse: (error: TightbeamError) => void): void;
  /** Whether the peer of this link may do this. True while there is no policy. */
  permits(link: Link, permission: string): boolean;
}

const nothing = (): void => undefined;

export function createAdmission(): Admission {
  return {
    admit: (_incoming, run) => run(nothing),
    permits: () => true,
  };
}
