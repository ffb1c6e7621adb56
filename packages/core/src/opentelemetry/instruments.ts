import type { Counter, Histogram, Meter } from "@opentelemetry/api";
import { durationBoundaries, metric } from "./names.js";

/** What counts and times what happens. Durations are in s, as the conventions have it. */
export interface Instruments {
  readonly clientDuration: Histogram;
  readonly serverDuration: Histogram;
  readonly operationDuration: Histogram;
  readonly processDuration: Histogram;
  readonly sent: Counter;
  readonly consumed: Counter;
  readonly errors: Counter;
  readonly deadLetters: Counter;
  readonly retries: Counter;
  readonly sessions: Counter;
  readonly security: Counter;
}

export function createInstruments(meter: Meter): Instruments {
  const duration = (name: string, description: string): Histogram =>
    meter.createHistogram(name, { description, unit: "s", advice: { explicitBucketBoundaries: [...durationBoundaries] } });
  const counter = (name: string, unit: string, description: string): Counter => meter.createCounter(name, { description, unit });
  return {
    clientDuration: duration(metric.clientDuration, "Requests of this agent, until their outcome."),
    serverDuration: duration(metric.serverDuration, "Requests to this agent, until its handler settled or they were refused."),
    operationDuration: duration(metric.operationDuration, "Notifications and events of this agent, until they were acknowledged."),
    processDuration: duration(metric.processDuration, "Notifications and events to this agent, until its handler settled."),
    sent: counter(metric.sentMessages, "{message}", "Notifications and events that were sent."),
    consumed: counter(metric.consumedMessages, "{message}", "Notifications and events that came to a handler."),
    errors: counter(metric.errors, "{error}", "Messages that failed or expired, by code."),
    deadLetters: counter(metric.deadLetters, "{message}", "Messages that became dead letters."),
    retries: counter(metric.retries, "{retry}", "Calls that were sent again, moved to another instance, or not allowed to."),
    sessions: counter(metric.sessions, "{session}", "Keys that links were given, and gave up for newer ones."),
    security: counter(metric.security, "{event}", "What was refused, replayed, forged, unknown, or tried to downgrade."),
  };
}
