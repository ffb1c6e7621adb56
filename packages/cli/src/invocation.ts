import type { Runtime } from "@tightbeam/core/runtime";
import type { Command } from "commander";
import type { Io, StopSignal } from "./io.js";
import type { Output } from "./output.js";

/** One run of one command. */
export interface Invocation {
  readonly io: Io;
  readonly runtime: Runtime;
  readonly output: Output;
  /** What stands behind `--` on the command line: also the last of the arguments. */
  readonly rest: readonly string[];
  /** Fires when somebody asks the process to end (SIGINT, SIGTERM), and when nobody reads stdout any more. */
  readonly signal: AbortSignal;
  /** Which signal it was. */
  readonly stoppedBy: () => StopSignal | undefined;
  /** Closed when the command is over, however it ended: the last one first. */
  later(close: () => unknown): void;
}

/** What a command does. A number it resolves with is the exit code, otherwise that is 0; what it rejects with is told on stderr. */
export type Action<Options> = (invocation: Invocation, options: Options, ...args: readonly (string | undefined)[]) => Promise<unknown>;

/** What `define` of a command gets. */
export interface Frame {
  /** Turns an action into what commander calls. Options are those that the command declared. */
  action<Options>(run: Action<Options>): (...given: unknown[]) => Promise<void>;
  /** The whole program, every command defined: for completion. */
  whole(): Promise<Command>;
}

/** A file in `commands/`. Only what is needed to parse is imported at its top; the rest when the action runs. */
export interface CommandFile {
  /** Adds arguments, options, sub-commands and the action. */
  define(command: Command, frame: Frame): void;
}

export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands: no capital, no full stop. */
  readonly summary: string;
  readonly group: "Keys and tokens" | "Services" | "Messages" | "Looking" | "Projects";
  load(): Promise<CommandFile>;
}
