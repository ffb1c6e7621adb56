import type { TelemetryEvent, TelemetryWishes } from "../../telemetry/types.js";

/** A listener and what it wishes. What it throws ends in `emit`. */
export interface Listening {
  readonly emit: (event: TelemetryEvent) => void;
  readonly wants: TelemetryWishes["messages"] | undefined;
}

/** Who is told of one message: undefined for all there are. */
export type Audience = readonly Listening[] | undefined;

/** `id`: of a reply, its request's. */
export function audienceOf(listeners: ReadonlySet<Listening>, id: string, trace: Parameters<NonNullable<TelemetryWishes["messages"]>>[1]): Audience {
  let some: Listening[] | undefined;
  for (const one of listeners) {
    if (one.wants === undefined || wanted(one.wants, id, trace, false)) some?.push(one);
    else some ??= before(listeners, one);
  }
  return some;
}

/** They want it: the first that did not is `until`. */
function before(listeners: ReadonlySet<Listening>, until: Listening): Listening[] {
  const all = [...listeners];
  return all.slice(0, all.indexOf(until));
}

function wanted(wants: NonNullable<Listening["wants"]>, ...asked: Parameters<NonNullable<Listening["wants"]>>): boolean {
  try {
    return wants(...asked) !== false;
  } catch {
    return true;
  }
}
