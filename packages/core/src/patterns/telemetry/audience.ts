import type { TraceContext } from "../../telemetry/trace-context.js";
import type { TelemetryEvent, TelemetryWishes } from "../../telemetry/types.js";

/** A listener and what it wishes. What it throws ends in `emit`. */
export interface Listening {
  readonly emit: (event: TelemetryEvent) => void;
  readonly wants: TelemetryWishes["messages"] | undefined;
  readonly follow: TelemetryWishes["follow"] | undefined;
  /** It has ended: who was told before it may have ended it. */
  over: boolean;
}

/** Those who listen. Another array for each change: whoever is telling goes on with the one it had. */
export interface Listeners {
  all: readonly Listening[];
}

/** Who is told of one message: undefined for all there are. */
export type Audience = readonly Listening[] | undefined;

export const nobody: readonly Listening[] = Object.freeze([]);

/** `id`: of a reply, its request's. */
export function audienceOf({ all }: Listeners, id: string, trace: TraceContext | undefined): Audience {
  const only = all[0];
  // Most have one.
  if (all.length === 1 && only !== undefined) return only.wants === undefined || isWanted(only.wants, id, trace) ? undefined : nobody;
  let some: Listening[] | undefined;
  let isAll = true;
  for (const one of all) {
    if (one.wants !== undefined && !isWanted(one.wants, id, trace)) isAll = false;
    else if (some === undefined) some = [one];
    else some.push(one);
  }
  return isAll ? undefined : (some ?? nobody);
}

function isWanted(wants: NonNullable<Listening["wants"]>, id: string, trace: TraceContext | undefined): boolean {
  try {
    return wants(id, trace) !== false;
  } catch {
    return true;
  }
}
