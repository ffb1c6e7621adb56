import { describe, expect, it } from "vitest";
import { exposition, type MetricFamily } from "../../../src/observability/monitor/exposition.js";
import { parseExposition, sampleOf } from "./exposition-parser.js";

const gauge = (samples: MetricFamily["samples"]): MetricFamily => ({ name: "thing", type: "gauge", help: "A thing.", samples });

describe("exposition", () => {
  it("writes families as the format has them", () => {
    const text = exposition([
      { name: "calls_total", type: "counter", help: "Calls.", samples: [{ labels: { method: "find" }, value: 3 }] },
      { name: "up", type: "gauge", help: "Up.", samples: [{ labels: {}, value: 1 }] },
      {
        name: "took_seconds",
        type: "histogram",
        help: "How long.",
        samples: [
          {
            labels: { method: "find" },
            value: {
              count: 3,
              sum: 0.75,
              buckets: [
                [0.125, 1],
                [0.5, 2],
              ],
            },
          },
        ],
      },
    ]);
    expect(text).toBe(`# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{method="find"} 3
# HELP up Up.
# TYPE up gauge
up 1
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{method="find",le="0.125"} 1
took_seconds_bucket{method="find",le="0.5"} 2
took_seconds_bucket{method="find",le="+Inf"} 3
took_seconds_sum{method="find"} 0.75
took_seconds_count{method="find"} 3
`);
    parseExposition(text);
  });

  const hostile = ['"', "\\", "\n", '"} 1\nforged_total 99\nx{y="', "\\n", "\\\\", "\r\n", "\t", "", "{}", "＂", "ж🙂", "\u202e", "\0", "le", "__proto__", " "];
  it.each(hostile)("[TM-218] a label of %j stays one label", (value) => {
    const families = parseExposition(exposition([gauge([{ labels: { before: "1", value, after: "2" }, value: 7 }])]));
    expect([...families.keys()]).toEqual(["thing"]);
    expect(families.get("thing")?.samples).toEqual([{ name: "thing", labels: { before: "1", value, after: "2" }, value: 7 }]);
  });

  it("[TM-218] a half of a character becomes what stands for none: the text stays UTF-8", () => {
    const families = parseExposition(exposition([gauge([{ labels: { value: "a\ud83d\ud83d\ude42\ude42" }, value: 1 }])]));
    expect(families.get("thing")?.samples[0]?.labels).toEqual({ value: "a\ufffd🙂\ufffd" });
  });

  it("escapes help, leaves out families without samples, and writes every number", () => {
    expect(exposition([{ ...gauge([]), name: "nothing" }])).toBe("");
    const help = "a\\b\nc";
    const values = [0, -0, 1e-7, 1e21, 123456789.25, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    const families = parseExposition(exposition([{ ...gauge(values.map((value, i) => ({ labels: { i: String(i) }, value }))), help }]));
    expect(families.get("thing")?.help).toBe(help);
    expect(values.map((_, i) => sampleOf(families, "thing", { i: String(i) }))).toEqual(values.map((value) => (value === 0 ? 0 : value)));
  });
});
