export { SimulationFailure, type Simulated, simulate } from "./simulate.js";
export type { Judged, Outcome, Violation } from "./outcome.js";
export type { Place, PlaceDisk, Program, SimulationOptions } from "./types.js";
export { judge } from "./judge.js";
export { warmUp } from "./warm-up.js";
export { invariants } from "./checks/index.js";
export type { Check } from "./checks/check.js";
export { type DrawOptions, drawFaults, faultKinds } from "./faults/draw.js";
export { faultText } from "./faults/text.js";
export type { ClockFault, CutFault, DiskFault, Fault, FaultKind, FrameFault, Listed, PartitionFault, ProcessFault } from "./faults/types.js";
export { type Chance, createChance } from "./random.js";
export { shrink } from "./shrink.js";
export type {
  ChunkEvent,
  FaultEvent,
  FrameEvent,
  HandledEvent,
  HandlingEvent,
  JoinedEvent,
  KeepingEvent,
  KeptEvent,
  LetterEvent,
  LogEvent,
  MemoryEvent,
  NoteEvent,
  ProcessEvent,
  RestEvent,
  RestoredEvent,
  SettledEvent,
  StartedEvent,
  ThroughEvent,
  TraceDetail,
  TraceEvent,
  WriteEvent,
} from "./trace.js";
export { traceHash } from "./trace.js";
export { type ConversationOptions, conversation, type HabitName } from "./scenario/conversation.js";
export { type Habit, marker, type Scene } from "./scenario/scene.js";
