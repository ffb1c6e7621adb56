import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import type { LabelSets } from "./labels.js";
import { attribute, metric } from "./names.js";
import type { WatchedAgent } from "./watched.js";

/** What is read of the agents when somebody collects. */
export interface Gauges {
  watch(agent: WatchedAgent): () => void;
}

export function createGauges(meter: Meter, _labels: LabelSets): Gauges {
  const links = meter.createObservableGauge(metric.links, { unit: "{link}", description: "Links of this agent, by state." });
  const observed = [links];
  const watched = new Set<{ readonly agent: WatchedAgent }>();

  const observe = (result: BatchObservableResult): void => {
    for (const { agent } of watched) {
      const by = { [attribute.agent]: agent.id };
      const status = agent.status();
      const states = { up: 0, suspect: 0, down: 0 };
      for (const { state } of status.links) if (state !== "ended") states[state]++;
      for (const [state, count] of Object.entries(states)) result.observe(links, count, { ...by, [attribute.state]: state });
    }
  };

  return {
    watch(agent) {
      const own = { agent };
      if (watched.size === 0) meter.addBatchObservableCallback(observe, observed);
      watched.add(own);
      return () => {
        if (watched.delete(own) && watched.size === 0) meter.removeBatchObservableCallback(observe, observed);
      };
    },
  };
}
