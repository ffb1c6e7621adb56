import type { Agent, AgentOptions } from "@tightbeam/core";
import type { Runtime } from "@tightbeam/core/runtime";
import type { Store } from "@tightbeam/core/store";
import type { DrawOptions } from "./faults/draw.js";
import type { Fault } from "./faults/types.js";
import type { Outcome } from "./outcome.js";
import type { Chance } from "./random.js";

/** What an agent's process does from its start on, each time it starts. What it awaits must come from its place: the simulation waits for no thread. */
export type Program = (place: Place) => unknown;

/** What a simulated process has of the world. */
export interface Place {
  /** Its agent's id. */
  readonly name: string;
  /** 0 in its first process, one more after each crash. */
  readonly incarnation: number;
  readonly runtime: Runtime;
  /** Predictable, and another one in each process. */
  readonly chance: Chance;
  /** ms since the start of the simulation: not a clock of this machine. */
  readonly now: number;
  /** When faults end, by `now`. */
  readonly healedAt: number;
  /** An agent with this place's identity, network and clocks. What else it is made with are these options. */
  createAgent(options?: Partial<AgentOptions>): Promise<Agent>;
  /** What outlives the processes of this machine. */
  readonly disk: PlaceDisk;
  /** By the machine's clock. */
  sleep(ms: number): Promise<void>;
  /** Writes something into the trace, for checks of one's own. */
  note(name: string, value: unknown): void;
}

export interface PlaceDisk {
  /** `createAgent({ store: disk.open(), storeKey: disk.key })`. Throws `store_locked` while this process has it open. */
  open(): Store;
  /** 32 bytes: another one for each agent. */
  readonly key: Uint8Array;
}

export interface SimulationOptions {
  /** Decides everything: a whole number from 0 to 2^32 - 1. */
  readonly seed: number;
  /** By agent id. They all start at 0 ms. */
  readonly agents: Readonly<Record<string, Program>>;
  /** These, or some drawn from the seed: out of all kinds by default. `[]`: none. */
  readonly faults?: readonly Fault[] | Pick<DrawOptions, "most" | "kinds"> | undefined;
  /** ms of the phase with faults. Default 5,000. */
  readonly duration?: number | undefined;
  /** ms after it by which everything must have settled. Default 60,000. */
  readonly drain?: number | undefined;
  /** What must be in no frame, file and log, beside keys and tokens. */
  readonly secrets?: readonly (string | Uint8Array)[] | undefined;
  /** Stands between each agent and what is recorded of it: to show that what it breaks is found. */
  readonly between?: ((agent: Agent, place: Place) => Agent) | undefined;
  /** Invariants to leave out, by name. */
  readonly without?: readonly string[] | undefined;
  /** Throws, or returns what is wrong. */
  readonly check?: ((outcome: Outcome) => unknown) | undefined;
  /** Runs it a second time and compares the traces: invariant `deterministic`. Default false. */
  readonly twice?: boolean | undefined;
  /** Waits for real threads: not deterministic. What loads modules of its own has to be run once so. Default false. */
  readonly patient?: boolean | undefined;
}
