import type { Server } from "node:http";
import type { Identity, Trust } from "@tightbeam/core/identity";
import { checkKnown, type Runtime, systemRuntime, TightbeamError } from "@tightbeam/core/transport";
import { type GivenRelayLimits, type RelayLimits, relayLimits } from "./limits.js";
import { checkMonitoring, type RelayMonitoring } from "./monitoring.js";
import { isLoopback, readOrigins } from "./origins.js";
import type { RelayPolicy } from "./policy.js";

export interface RelayOptions {
  /** Listens here, 0 for any free port. Either this or `server`. */
  readonly port?: number | undefined;
  /** An HTTP or HTTPS server of yours; its own timeouts and `listen` stay yours. Upgrades for other paths than the relay's are left to other listeners, if there are any, and answered 404 if not. */
  readonly server?: Server | undefined;
  /** Default 127.0.0.1. Anything but loopback needs `origins`. */
  readonly host?: string | undefined;
  /** Default "/". */
  readonly path?: string | undefined;
  /** Decides which tokens count. */
  readonly trust: Trust;
  /** The public origins clients dial, such as `wss://relay.example`: a login names one of them and its token's audience is the same. Default on loopback: the loopback names with the port. */
  readonly origins?: readonly string[] | undefined;
  /** Origins of web pages that may connect, beside pages from the relay's own origins. Default none. */
  readonly pages?: readonly string[] | undefined;
  readonly policy?: RelayPolicy | undefined;
  readonly limits?: GivenRelayLimits | undefined;
  readonly runtime?: Runtime | undefined;
  /** GET /metrics, /health and /ready: on loopback, or for who shows a token. Default: none. */
  readonly monitoring?: RelayMonitoring | undefined;
}

export interface LocalOptions {
  readonly identity: Identity;
  /** Default: a fresh one. */
  readonly instance?: string | undefined;
  /** What a token would grant. Default `["transport:presence"]`. */
  readonly permissions?: readonly string[] | undefined;
  /** Default 4 MiB, at least one frame of the largest size. */
  readonly inboxBytes?: number | undefined;
}

const names: readonly (keyof RelayOptions)[] = ["port", "server", "host", "path", "trust", "origins", "pages", "policy", "limits", "runtime", "monitoring"];

/** What a relay goes by, defaults filled in. */
export interface RelaySettings extends RelayOptions {
  readonly path: string;
  readonly host: string;
  readonly pages: readonly string[];
  readonly limits: RelayLimits;
  readonly runtime: Runtime;
}

/** Throws `invalid_argument` for options that do not fit together. */
export function readRelayOptions(options: RelayOptions): RelaySettings {
  checkKnown("createRelay", options, names);
  const { trust, policy, path = "/", host = "127.0.0.1", pages = [], monitoring } = options;
  const runtime = options.runtime ?? systemRuntime();
  const limits = relayLimits(options.limits);
  if (typeof trust?.verify !== "function" || typeof trust.recheck !== "function")
    throw invalid("`trust` says whose tokens count at the relay: authority.trust(), or one of `trust` of @tightbeam/core.");
  if (policy !== undefined && typeof policy !== "function") throw invalid("`policy` is a function.");
  if ((options.port === undefined) === (options.server === undefined)) throw invalid("A relay takes either `port` or `server`.");
  if (!path.startsWith("/")) throw invalid("`path` begins with '/'.");
  if (options.origins === undefined && (options.server !== undefined || !isLoopback(host))) {
    throw invalid("A relay that is not on loopback alone needs `origins`: the public origins its clients dial, such as wss://relay.example.");
  }
  if (options.origins !== undefined) readOrigins(options.origins, pages);
  if (monitoring !== undefined) checkMonitoring(monitoring, { own: options.server === undefined, host, origins: options.origins });
  return { ...options, path, host, pages, limits, runtime };
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
