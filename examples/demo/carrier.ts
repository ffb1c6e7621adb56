import type { JwkSet } from "@tightbeam/core/identity";
import type { Children } from "./children.js";
import type { Sources } from "./sources.js";
import type { Tap } from "./stage.js";

/** What carries the frames of agents in processes of their own: a process too, which can be killed. */
export interface Carrier {
  /** "relay" */
  readonly name: string;
  readonly pid: number;
  /** Where the agents connect; the same after a restart. */
  readonly url: string;
  readonly tap: Tap;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Runs it again on the same port. */
  restart(): Promise<void>;
  /** Its end is expected from now on. */
  close(): Promise<void>;
}

/** A way to carry frames, and what of the agents belongs to it. */
export interface Medium {
  start(context: CarrierContext): Promise<Carrier>;
  /** Where the agents' script names the transport. */
  readonly agentFile: string;
  /** What it calls there. */
  readonly connect: string;
  /** Its script as it is run. */
  readonly agentScript: (sources: Sources) => string;
}

export interface CarrierContext {
  readonly children: Children;
  readonly sources: Sources;
  /** Whom a relay trusts. */
  readonly issuer: string;
  readonly jwks: JwkSet;
}
