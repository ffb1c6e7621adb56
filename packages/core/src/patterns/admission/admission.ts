import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader, Priority } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import type { WithDefaults } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Rate } from "../../resilience/token-bucket.js";
import type { Runtime } from "../../runtime/runtime.js";
import { heldBytes, keepPayload } from "../answering/keep-payload.js";
import type { Guards } from "./guards.js";
import { createPlaces, type Places, type PlacesLimits, type Tenant } from "./places.js";

/** What a peer asks of this agent's application. */
export interface Incoming {
  readonly kind: "request" | "notification" | "stream" | "subscribe" | "event";
  readonly link: Link;
  readonly header: EnvelopeHeader;
  /** What the peer must be permitted once there is a policy: `call:summarize`, `subscribe:progress`. */
  readonly permission: string;
  /** As it came: `run` gets it, or a copy of its own when it had to wait. */
  readonly payload?: EncodedPayload | undefined;
}

/** Decides whether and when what a peer asks reaches the application: before its payload is decoded, so that a refusal tells nothing of schemas. */
export interface Admission {
  /**
   * Calls one of the two, now or later, once. Later the link may have ended. Requests, notifications and events hold a place until `leave`,
   * which must be called when the application is done with them; streams only wait for one, and subscriptions not even that.
   */
  admit(incoming: Incoming, run: (leave: () => void, payload: EncodedPayload | undefined) => void, refuse: (error: TightbeamError) => void): void;
  /** Whether the peer of this link may do this. True while there is no policy. */
  permits(link: Link, permission: string): boolean;
  /** `forbidden`, or undefined. */
  forbidden(link: Link, permission: string): TightbeamError | undefined;
  /** Why this call is refused before anything is known of it, by rate and policy. Takes a token of its peer's rate. */
  refusal(link: Link, method: string): TightbeamError | undefined;
  /** The same for what agents say to each other on their own account: no policy, and a rate of its own. */
  ownRefusal(link: Link): TightbeamError | undefined;
  /** `expired`, or undefined. `when` ends the sentence. */
  expired(link: Link, header: EnvelopeHeader, when: string): TightbeamError | undefined;
  readonly places: Places;
  /** How much this agent takes from one peer, for its capabilities. */
  readonly rate: WithDefaults<Rate> | undefined;
}

export interface AdmissionLimits extends PlacesLimits {
  /** How much one peer agent may ask for in a time. Default: as much as it has credit for. */
  readonly rate?: Rate | undefined;
}

const nothing = (): void => undefined;

/** What a method's callers need: its name, without the version. */
export function callPermission(method: string): string {
  const at = method.indexOf("@");
  return `call:${at < 0 ? method : method.slice(0, at)}`;
}

class AgentAdmission implements Admission {
  readonly places: Places;
  readonly #runtime: Runtime;
  readonly #guards: Guards | undefined;

  constructor(runtime: Runtime, guards: Guards | undefined, own: AdmissionLimits) {
    this.#runtime = runtime;
    this.#guards = guards;
    this.places = createPlaces(runtime.clock, runtime.timers, own);
  }

  get rate(): WithDefaults<Rate> | undefined {
    return this.#guards?.rate;
  }

  permits(link: Link, permission: string): boolean {
    const permits = this.#guards?.permits;
    return permits === undefined || permits(link.peer, permission);
  }

  forbidden(link: Link, permission: string): TightbeamError | undefined {
    if (this.permits(link, permission)) return undefined;
    return new TightbeamError("forbidden", `${link.peer.id} has no permission '${permission}' here.`);
  }

  refusal(link: Link, method: string): TightbeamError | undefined {
    return this.#guards === undefined ? undefined : (this.#guards.limited(link) ?? this.forbidden(link, callPermission(method)));
  }

  ownRefusal(link: Link): TightbeamError | undefined {
    return this.#guards?.ownLimited(link);
  }

  expired(link: Link, { ttl, timestamp }: EnvelopeHeader, when: string): TightbeamError | undefined {
    if (ttl === undefined) return undefined;
    // By our clock and the link's measured offset (peer's clock minus ours).
    const age = this.#runtime.clock.wall() + link.clockOffset() - timestamp;
    if (age <= ttl && age >= -limits.clockSlackMs) return undefined;
    // Too old, or from the future: one of the two clocks may have jumped since.
    link.askClock();
    if (age <= ttl) return undefined;
    return new TightbeamError("expired", `The message was older than its ttl of ${ttl} ms ${when}.`);
  }

  admit(incoming: Incoming, run: (leave: () => void, payload: EncodedPayload | undefined) => void, refuse: (error: TightbeamError) => void): void {
    const { kind, link, header, permission, payload } = incoming;
    const { places } = this;
    const { priority } = header;
    // Events come because they were asked for: the link's credit holds their publisher back, and loses none.
    const limited = kind === "event" ? undefined : this.#guards?.limited(link);
    const refused = limited ?? this.forbidden(link, permission) ?? this.expired(link, header, "when it arrived");
    if (refused !== undefined) return refuse(refused);
    if (kind === "subscribe") return run(nothing, payload);
    const begin = (tenant: Tenant, given: EncodedPayload | undefined): void => {
      if (kind !== "stream") return run(leaveOnce(places, tenant, priority), given);
      places.leave(tenant, priority);
      run(nothing, given);
    };
    const tenant = places.enter(link.peer.id, priority);
    if (tenant !== undefined) return begin(tenant, payload);
    const kept = keepPayload(payload);
    const waiting = places.wait(link.peer.id, priority, heldBytes(header, kept), (given) => {
      const late = this.forbidden(link, permission) ?? this.expired(link, header, "when its turn came");
      if (late === undefined) return begin(given, kept);
      places.leave(given, priority);
      refuse(late);
    });
    if (waiting instanceof TightbeamError) refuse(waiting);
  }
}

function leaveOnce(places: Places, tenant: Tenant, priority: Priority): () => void {
  let left = false;
  return () => {
    if (left) return;
    left = true;
    places.leave(tenant, priority);
  };
}

/** Throws `invalid_argument` for a limit that is none. Without guards every peer may do everything, as often as it likes. */
export const createAdmission = (runtime: Runtime, guards: Guards | undefined, own: AdmissionLimits): Admission => new AgentAdmission(runtime, guards, own);
