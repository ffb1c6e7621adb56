import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import { attribute, metric } from "./names.js";
import type { WatchedAgent } from "./watched.js";

/** What is read of the agents when somebody collects. */
export interface Gauges {
  watch(agent: WatchedAgent): () => void;
}

export function createGauges(meter: Meter): Gauges {
  const gauge = (name: string, unit: string, description: string) => meter.createObservableGauge(name, { unit, description });
  const links = gauge(metric.links, "{link}", "Links of this agent, by state.");
  const queued = gauge(metric.queued, "{message}", "Messages that wait to be sent, by priority.");
  const durable = gauge(metric.durable, "{message}", "Durable messages of this agent that are not handled yet.");
  const breakers = gauge(metric.breakers, "{breaker}", "Breakers of this agent's own policy that let not everything through, by state.");
  const all = [links, queued, durable, breakers];
  const watched = new Set<WatchedAgent>();

  const observe = (result: BatchObservableResult): void => {
    for (const agent of watched) {
      const by = { [attribute.agent]: agent.id };
      const status = agent.status();
      const states = { up: 0, suspect: 0, down: 0 };
      const circuits = { closed: 0, open: 0, half_open: 0 };
      const queues = { critical: 0, high: 0, normal: 0, low: 0 };
      for (const { state, queue } of status.links) {
        if (state !== "ended") states[state]++;
        for (const priority of ["critical", "high", "normal", "low"] as const) queues[priority] += queue[priority];
      }
      for (const [state, count] of Object.entries(states)) result.observe(links, count, { ...by, [attribute.state]: state });
      for (const [priority, count] of Object.entries(queues)) result.observe(queued, count, { ...by, [attribute.priority]: priority });
      result.observe(durable, status.durable.queued, by);
      for (const { state } of status.breakers) circuits[state]++;
      for (const state of ["open", "half_open"] as const) result.observe(breakers, circuits[state], { ...by, [attribute.state]: state });
    }
  };

  return {
    watch(agent) {
      if (watched.size === 0) meter.addBatchObservableCallback(observe, all);
      watched.add(agent);
      return () => {
        if (watched.delete(agent) && watched.size === 0) meter.removeBatchObservableCallback(observe, all);
      };
    },
  };
}
