import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import type { Breakers } from "./breakers.js";
import { attribute, metric } from "./names.js";
import type { WatchedAgent } from "./watched.js";

/** What is read of the agents when somebody collects. */
export interface Gauges {
  watch(agent: WatchedAgent, breakers: Breakers): () => void;
}

export function createGauges(meter: Meter): Gauges {
  const gauge = (name: string, unit: string, description: string) => meter.createObservableGauge(name, { unit, description });
  const links = gauge(metric.links, "{link}", "Links of this agent, by state.");
  const queued = gauge(metric.queued, "{message}", "Messages that wait to be sent.");
  const breakers = gauge(metric.breakers, "{breaker}", "Breakers of this agent that let not everything through, by state.");
  const all = [links, queued, breakers];
  const watched = new Set<{ readonly agent: WatchedAgent; readonly breakers: Breakers }>();

  const observe = (result: BatchObservableResult): void => {
    for (const own of watched) {
      const by = { [attribute.agent]: own.agent.id };
      const status = own.agent.status();
      const states = { up: 0, suspect: 0, down: 0 };
      for (const { state } of status.links) if (state !== "ended") states[state]++;
      for (const [state, count] of Object.entries(states)) result.observe(links, count, { ...by, [attribute.state]: state });
      result.observe(
        queued,
        status.links.reduce((sum, { counters }) => sum + counters.queuedMessages, 0),
        by,
      );
      for (const [state, count] of Object.entries(own.breakers.count())) result.observe(breakers, count, { ...by, [attribute.state]: state });
    }
  };

  return {
    watch(agent, ownBreakers) {
      const own = { agent, breakers: ownBreakers };
      if (watched.size === 0) meter.addBatchObservableCallback(observe, all);
      watched.add(own);
      return () => {
        if (watched.delete(own) && watched.size === 0) meter.removeBatchObservableCallback(observe, all);
      };
    },
  };
}
