import { isTightbeamError, TightbeamError } from "../../errors.js";
import { realmOf } from "../../identity/permissions.js";
import type { Identity } from "../../identity/types.js";
import { checkKnown } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Links } from "../../link/links-types.js";
import { onDemand } from "../../on-demand.js";
import type { Runtime } from "../../runtime/runtime.js";
import { createEmitter } from "../../telemetry/events.js";
import { address } from "../../transport/address.js";
import type { Transport } from "../../transport/transport.js";
import type { System } from "../system.js";
import type { PresenceCounters } from "./ear.js";
import type { Hint, Roles } from "./hint.js";
import type { Station } from "./station.js";

/** How an agent tells its realm that it is there. False: not at all, and it hears nobody. */
export type PresenceOption = false | { /** ms between two hints, 100 to 600,000. Default 10,000. */ readonly every?: number };

/** `off`: not wanted. `unsupported`: the transport has no fan-out. `idle`: nothing needs it so far. `refused`: the medium does not permit it, or did not when last asked. */
export type PresenceState = "off" | "unsupported" | "idle" | "joining" | "on" | "refused";

export interface PresenceStatus {
  readonly state: PresenceState;
  /** Where hints are said and heard: `presence/<realm>`, `presence/_` for an id without one. */
  readonly address: string;
  /** Hints, and the handshakes they led to. */
  readonly counters: Readonly<PresenceCounters>;
}

export interface PresenceEvent {
  readonly type: "presence";
  readonly state: PresenceState;
  /** Why it is not there, when it was asked for. */
  readonly error: TightbeamError | undefined;
}

export interface PresenceOptions {
  readonly option: PresenceOption | undefined;
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly identity: Identity;
  readonly instance: string;
  readonly links: Pick<Links, "connect" | "find">;
  readonly system: Pick<System, "notify" | "handle">;
  readonly onEvent: (event: PresenceEvent) => void;
}

/**
 * Finding each other. An agent that has something to say or to look for repeats signed hints; whoever has to do with what they say
 * dials, and the link then proves who it is. Until there is a role, nothing is sent, heard or loaded.
 */
export interface Presence {
  /** What this agent is to others from now on; idempotent. Agents with the other half of the role are dialled as they are heard of, and dial. */
  announce(role: keyof Roles, value?: boolean): void;
  /**
   * Every hint of another instance that is whole, fresh and signed by the key it names. It is no more than that: whose key it is, and what it may, is known
   * only from the link to this id and instance, and then only if the link's thumbprint is the key's.
   */
  onHint(listener: (hint: Hint) => unknown): () => void;
  /** The peer said that it leaves, or missed three hints and does not answer. */
  isGone(link: Link): boolean;
  /** Told when that changes. */
  onChange(listener: (link: Link) => unknown): () => void;
  status(): PresenceStatus;
  linkUp(link: Link): void;
  linkEnded(link: Link): void;
  /** Says that this instance leaves. Settles within a second. */
  leave(): Promise<void>;
  stop(): void;
}

const loadStation = onDemand(() => import("./station.js"));
const leaveMs = 1_000;

/** Throws `invalid_argument` for an interval out of bounds. */
export function createPresence({ option, runtime, transport, identity, instance, links, system, onEvent }: PresenceOptions): Presence {
  if (option) checkKnown("presence", option, ["every"]);
  const every = option === false ? 0 : (option?.every ?? limits.presenceEveryMs);
  if (option !== false && !(Number.isInteger(every) && every >= limits.presenceEveryMinMs && every <= limits.presenceEveryMaxMs))
    throw new TightbeamError("invalid_argument", "`presence` is false, or { every } in ms, 100 to 600,000.");
  const at = address("presence", realmOf(identity.id));
  const roles = { publishes: false, subscribes: false, serves: false, seeks: false };
  const counters: PresenceCounters = { sent: 0, heard: 0, refused: 0, skipped: 0, dials: 0 };
  const hints = createEmitter<Hint>();
  const changes = createEmitter<Link>();
  let state: PresenceState = option === false ? "off" : "idle";
  let station: Station | undefined;
  let stopped = false;

  const enter = (next: PresenceState, error?: TightbeamError): void => {
    if (state === next || stopped) return;
    state = next;
    onEvent({ type: "presence", state, error });
  };

  const failed = (cause: unknown): void => {
    if (isDenied(cause)) enter("refused", new TightbeamError("denied", `This agent may not use ${at} here. ${howToPermit}`, { cause }));
  };

  const join = (): void => {
    if (state !== "idle" && state !== "refused") return;
    if (!transport.capabilities.fanout) {
      const message = "This transport reaches one listener at a time: agents on it cannot hear of each other, and are linked with by id.";
      return enter("unsupported", new TightbeamError("unsupported", message));
    }
    enter("joining");
    void begin();
  };

  const begin = async (): Promise<void> => {
    try {
      const { createStation } = await loadStation();
      const made = await createStation({
        runtime,
        transport,
        identity,
        instance,
        links,
        system,
        at,
        every,
        roles: () => roles,
        counters,
        isHeard: () => hints.listened,
        onHint: hints.emit,
        onChange: changes.emit,
        onSent() {
          counters.sent++;
          enter("on");
        },
        onFailed: failed,
      });
      if (stopped) made.stop();
      else station = made;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "";
      const denied = isDenied(cause);
      const what = `Presence at ${at} did not begin: ${reason}${denied ? ` ${howToPermit}` : ""}`;
      enter("refused", new TightbeamError(denied ? "denied" : "unavailable", what, { cause }));
    }
  };

  // Who was refused may have been permitted since: a login that is renewed, a relay that is configured anew.
  const stopListening = transport.state.subscribe((change) => {
    if (change.type === "up" && state === "refused" && station === undefined) join();
    else if (change.type === "send_failed" && change.to === at) failed(change.error);
  });

  system.handle("presence", () => undefined);

  return {
    announce(role, value = true) {
      if (roles[role] === value || stopped) return;
      roles[role] = value;
      if (station !== undefined) station.changed();
      else if (value) join();
    },
    onHint(listener) {
      join();
      return hints.on(listener);
    },
    isGone: (link) => station?.isGone(link) === true,
    onChange: changes.on,
    status: () => ({ state, address: at, counters: { ...counters } }),
    linkUp: (link) => station?.linkUp(link),
    linkEnded: (link) => station?.linkEnded(link),
    async leave() {
      if (station === undefined) return;
      let cancel: (() => void) | undefined;
      await Promise.race([station.leave(), new Promise<void>((resolve) => (cancel = runtime.timers.after(leaveMs, resolve)))]);
      cancel?.();
    },
    stop() {
      stopped = true;
      stopListening();
      station?.stop();
    },
  };
}

const howToPermit = "At a relay the token needs `transport:presence:<realm>`; on NATS the user needs the subject of this address, both ways.";

const isDenied = (cause: unknown): boolean => isTightbeamError(cause) && cause.code === "denied";
