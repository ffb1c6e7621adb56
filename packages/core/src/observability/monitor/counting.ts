import type { MessageMoment, RetryMoment, TelemetryEvent } from "../../telemetry/types.js";
import { isUnseen } from "../../telemetry/unseen.js";
import { countEnd, otherName, type Route } from "./route.js";
import type { AgentRoutes, Routes } from "./routes.js";

/** Counts what an agent says that it does. `now`: the monotonic clock. */
export function countingOf(agent: string, routes: Routes, now: () => number): (event: TelemetryEvent) => void {
  const own = routes.of(agent);
  return (event) => {
    if (event.kind === "message") countMessage(event, own, routes, now);
    else if (event.kind === "retry" && event.what !== "refused") countRetry(event, own, now);
  };
}

function countMessage(moment: MessageMoment, own: AgentRoutes, routes: Routes, now: () => number): void {
  const { what, type, direction, bytes } = moment;
  if (type === "response" || type === "error") {
    if (what === (direction === "sent" ? "queued" : "delivered")) repliedTo(moment, own, routes, now()).replyBytes += bytes;
  } else if (isLetter(moment)) letterOf(moment, own, routes, now()).deadLetters += 1;
  else if (isEnd(moment)) countOperation(moment, own, routes, now());
}

function countOperation(moment: MessageMoment, own: AgentRoutes, routes: Routes, time: number): void {
  const { what, direction, type, name, peer, code } = moment;
  const failed = what === "failed" || what === "expired" || what === "dead_lettered";
  // The peer may have made its name up: it gets no row.
  const madeUp = direction === "received" && failed && isUnseen(code);
  const route =
    name === undefined
      ? routes.other(time)
      : madeUp
        ? (own.find(direction, type as Route["type"], peer.id, name) ?? routes.other(time))
        : own.take(direction, type as Route["type"], peer.id, name, time);
  route.callBytes += moment.bytes;
  if ((moment.attempt ?? 1) > 1) route.retries += 1;
  countEnd(route, time, moment.duration, failed ? (code ?? (what === "failed" ? otherName : what)) : undefined);
}

/** A letter is written about what has failed already. What the receiver says of a message it has put away is that message's end: it tells how long that took. */
const isLetter = ({ what, duration }: MessageMoment): boolean => what === "dead_lettered" && duration === undefined;

/** A request and a stream end with their answer, what was received when its handler has settled; anything else when the peer's agent has it, or says that it is done. */
function isEnd({ what, direction, type, confirmed }: MessageMoment): boolean {
  if (what === "failed" || what === "expired" || what === "dead_lettered") return true;
  if (direction === "received") return what === "processed";
  if (type === "request" || type === "stream") return what === "answered";
  return what === (confirmed === true ? "processed" : "acknowledged");
}

/** The row of the call that is answered. A handler that answers serves the method; an error may answer a name that was made up. */
function repliedTo({ type, direction, peer, name }: MessageMoment, own: AgentRoutes, routes: Routes, now: number): Route {
  if (name === undefined) return routes.other(now);
  if (direction === "received") return own.take("sent", "request", peer.id, name, now);
  if (type === "response") return own.take("received", "request", peer.id, name, now);
  return own.find("received", "request", peer.id, name) ?? routes.other(now);
}

/** Of the request, or the notification, that is known by this name. */
function letterOf({ direction, peer, name }: MessageMoment, own: AgentRoutes, routes: Routes, now: number): Route {
  if (name === undefined) return routes.other(now);
  const known = own.find(direction, "notification", peer.id, name) ?? own.find(direction, "request", peer.id, name);
  return known ?? (direction === "sent" ? own.take(direction, "notification", peer.id, name, now) : routes.other(now));
}

/** A policy tries again, or a request went to another instance: of a request, where no notification of that name is known. */
function countRetry({ peer, method }: RetryMoment, own: AgentRoutes, now: () => number): void {
  const notified = own.find("sent", "request", peer, method) === undefined ? own.find("sent", "notification", peer, method) : undefined;
  const route = notified ?? own.take("sent", "request", peer, method, now());
  route.retries += 1;
}
