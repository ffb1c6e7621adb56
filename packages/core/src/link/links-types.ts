import type { TightbeamError } from "../errors.js";
import type { Identity, Trust } from "../identity/types.js";
import type { Runtime } from "../runtime/runtime.js";
import type { HandshakeEvent } from "../secure/handshakes.js";
import type { AnnouncedLimits, HandshakeCounters, SuiteId } from "../secure/types.js";
import type { Transport } from "../transport/transport.js";
import type { MemoryBudget } from "./budget.js";
import type { Link, LinkState, LinkTaps, LinkTarget } from "./link-types.js";
import type { Delivery } from "./message.js";

export interface LinksOptions {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly identity: Identity;
  readonly trust: Trust;
  readonly instance: string;
  readonly suites: readonly SuiteId[];
  readonly announced: AnnouncedLimits;
  readonly goneAfterMs: number;
  readonly memoryBudgetBytes: number;
  readonly onDelivery: (link: Link, delivery: Delivery) => void;
  readonly onEvent: (event: LinksEvent) => void;
  readonly taps: LinkTaps;
}

export type LinksEvent =
  | HandshakeEvent
  | { readonly type: "link"; readonly link: Link; readonly state: LinkState }
  | { readonly type: "link_ended"; readonly link: Link; readonly error: TightbeamError; readonly undelivered: number };

/** All links of one instance: dials and answers, finds the link of a frame, continues links over new sessions. */
export interface Links {
  /** The link to any healthy instance of `id`, or to one instance; dials when there is none. Rejects with `no_answer` (and the ms waited), or what the handshake found. */
  connect(target: LinkTarget, options: { readonly timeout: number; readonly signal?: AbortSignal | undefined }): Promise<Link>;
  /** The link `connect` would return without dialling. */
  find(target: LinkTarget): Link | undefined;
  /** The same for a request, which may go to any of the agent's instances: see `ReplicaTable.idlest`. */
  choose(target: LinkTarget): Link | undefined;
  list(id?: string): readonly Link[];
  /** Asks who else there is of an agent that there is a link with, and dials them; at most once in 0.5 s. */
  seek(id: string): void;
  /** Takes no more new links by the agent's name: those go to other instances. */
  leaveGroup(): Promise<void>;
  readonly handshakes: HandshakeCounters;
  readonly budget: MemoryBudget;
  close(): Promise<void>;
}
