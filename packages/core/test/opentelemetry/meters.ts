import { AggregationTemporality, DataPointType, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";

export interface Point {
  readonly scope: { readonly name: string };
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value?: number;
  readonly histogram?: { readonly count: number; readonly sum: number; readonly buckets: { readonly boundaries: readonly number[] } };
}

/** The real SDK, and each point that it would export. */
export function meters(temporality = AggregationTemporality.CUMULATIVE) {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  return {
    provider,
    async collect(): Promise<Point[]> {
      exporter.reset();
      await reader.forceFlush();
      return exporter.getMetrics().flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(({ scope, metrics }) =>
          metrics.flatMap((metric) =>
            metric.dataPoints.map((point) => ({
              scope,
              name: metric.descriptor.name,
              unit: metric.descriptor.unit,
              attributes: point.attributes,
              ...(metric.dataPointType === DataPointType.HISTOGRAM
                ? { histogram: point.value as Required<Point>["histogram"] }
                : { value: point.value as number }),
            })),
          ),
        ),
      );
    },
  };
}
