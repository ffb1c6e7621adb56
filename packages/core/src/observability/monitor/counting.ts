import type { MessageMoment, RetryMoment, TelemetryEvent } from "../../telemetry/types.js";
import { countEnd, otherName, type Route } from "./route.js";
import type { AgentRoutes, Routes } from "./routes.js";

/** A method nobody here serves, or that the peer may not use, is a name that the peer made up: it gets no row. */
const unnamed: ReadonlySet<string> = new Set(["no_handler", "unsupported_version", "forbidden", "invalid_envelope"]);

/** Counts what an agent says that it does. `now`: the monotonic clock. */
export function countingOf(agent: string, routes: Routes, now: () => number): (event: TelemetryEvent) => void {
  const own = routes.of(agent);
  return (event) => {
    if (event.kind === "message") countMessage(event, own, routes, now);
    else if (event.kind === "retry" && event.what !== "refused") countRetry(event, own, now);
  };
}

function countMessage(moment: MessageMoment, own: AgentRoutes, routes: Routes, now: () => number): void {
  const { what, direction, type, bytes } = moment;
  if (type === "response" || type === "error") {
    if (what === (direction === "sent" ? "queued" : "delivered")) replied(moment, own, routes, now()).replyBytes += bytes;
    return;
  }
  if (!ends(moment)) return;
  const time = now();
  const name = moment.name ?? otherName;
  const code = moment.code ?? (what === "expired" || what === "dead_lettered" ? what : undefined);
  const madeUp = direction === "received" && code !== undefined && unnamed.has(code);
  const route = madeUp ? (own.find(direction, type, moment.peer.id, name) ?? routes.other(time)) : own.take(direction, type, moment.peer.id, name, time);
  route.callBytes += bytes;
  if ((moment.attempt ?? 1) > 1) route.retries += 1;
  countEnd(route, time, moment.duration, what === "failed" ? (code ?? otherName) : code);
}

/** A request ends with its reply, what nobody answers when the peer's agent has it; what came, when its handler has settled. */
function ends({ what, direction, type }: MessageMoment): boolean {
  if (what === "failed" || what === "expired" || what === "dead_lettered") return true;
  if (direction === "received") return what === "processed";
  return what === (type === "request" || type === "stream" ? "answered" : "acknowledged");
}

/** The row of the call that is answered. A handler that answers serves the method; an error may answer a name that was made up. */
function replied({ type, direction, peer, name = otherName }: MessageMoment, own: AgentRoutes, routes: Routes, now: number): Route {
  const called = direction === "sent" ? "received" : "sent";
  if (type === "response") return own.take(called, "request", peer.id, name, now);
  return own.find(called, "request", peer.id, name) ?? own.find(called, "stream", peer.id, name) ?? routes.other(now);
}

/** A policy tries again, or a request went to another instance: of a request, where no notification of that name is known. */
function countRetry({ peer, method }: RetryMoment, own: AgentRoutes, now: () => number): void {
  const notified = own.find("sent", "request", peer, method) === undefined ? own.find("sent", "notification", peer, method) : undefined;
  const route = notified ?? own.take("sent", "request", peer, method, now());
  route.retries += 1;
}
