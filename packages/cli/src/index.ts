export { run } from "./main.js";
export type { Io, StopSignal } from "./io.js";
export { type ExitCode, exitCodeFor, exitCodes } from "./exit-codes.js";
