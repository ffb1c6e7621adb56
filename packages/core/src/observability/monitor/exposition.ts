/** Metrics of one name. */
export interface MetricFamily {
  /** `[a-zA-Z_:][a-zA-Z0-9_:]*`; of a counter it ends in `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** What it counts, and in which unit. */
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  /** Names `[a-zA-Z_][a-zA-Z0-9_]*`; values may be any text. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of a histogram: `count`, `sum` and how many were at most each bound. */
  readonly value: number | { readonly count: number; readonly sum: number; readonly buckets: readonly (readonly [bound: number, below: number])[] };
}

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Prometheus' text exposition format 0.0.4. Families without samples are left out. */
export function exposition(families: readonly MetricFamily[]): string {
  let text = "";
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
    for (const { labels, value } of samples) {
      const own = labelText(labels);
      if (typeof value === "number") {
        text += `${name}${inBraces(own)} ${numberText(value)}\n`;
        continue;
      }
      const before = own === "" ? "" : `${own},`;
      for (const [bound, below] of value.buckets) text += `${name}_bucket{${before}le="${numberText(bound)}"} ${numberText(below)}\n`;
      text += `${name}_bucket{${before}le="+Inf"} ${numberText(value.count)}\n`;
      text += `${name}_sum${inBraces(own)} ${numberText(value.sum)}\n${name}_count${inBraces(own)} ${numberText(value.count)}\n`;
    }
  }
  return text;
}

const inBraces = (labels: string): string => (labels === "" ? "" : `{${labels}}`);

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");

/** A lone surrogate would not be UTF-8. */
const escaped = (value: string): string =>
  /["\\\n]|[^\x20-\x7e]/.test(value) ? wellFormed(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;

const wellFormed = (value: string): string => Array.from(value, (each) => (/^[\ud800-\udfff]$/.test(each) ? "\ufffd" : each)).join("");

const numberText = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : Object.is(value, -0) ? "0" : String(value);
