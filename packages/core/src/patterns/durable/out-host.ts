import type { TightbeamError } from "../../errors.js";
import type { MemoryBudget } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import type { Links } from "../../link/links-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { State } from "../../store/state.js";
import type { System } from "../system.js";
import type { Taps } from "../taps.js";
import type { PrepareLetter } from "./out-burial.js";
import type { DurableEvent } from "./types.js";
import type { Writer } from "./writer.js";

/** What the channels of one sender share. */
export interface SenderHost {
  readonly runtime: Runtime;
  readonly state: State;
  readonly writer: Writer;
  /** For entries with new messages, which nothing else changes. */
  readonly entries: Writer;
  readonly budget: Pick<MemoryBudget, "take" | "give">;
  /** Undefined: dead letters are dropped. */
  readonly letters: PrepareLetter | undefined;
  readonly system: System;
  readonly taps: Taps;
  readonly links: Pick<Links, "connect" | "find" | "list" | "seek">;
  /** ms; undefined: never. */
  readonly rebindAfter: number | undefined;
  /** More, or fewer, wait. */
  readonly count: (messages: number, bytes: number) => void;
  /** Bytes that wait to be flushed: more, or fewer. */
  readonly pending: (bytes: number) => void;
  readonly observe: (link: Link, envelope: Uint8Array) => void;
  readonly onEvent: (event: DurableEvent) => void;
  readonly onDamaged: (key: string, error: TightbeamError) => void;
}
