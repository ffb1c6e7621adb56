import { describe, expect, it } from "vitest";
import { parseExposition, sampleOf } from "./exposition-parser.js";

const head = (name: string, type: string) => `# HELP ${name} h\n# TYPE ${name} ${type}\n`;

describe("the parser that our metrics are judged by", () => {
  it("reads what the format has", () => {
    const text = `${head("a_total", "counter")}a_total{x="1\\"\\\\\\n,}",y=""} 1e3\na_total 2\n${head("h", "histogram")}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3.5\nh_count 2\n`;
    const families = parseExposition(text);
    expect(families.get("a_total")?.samples).toEqual([
      { name: "a_total", labels: { x: '1"\\\n,}', y: "" }, value: 1_000 },
      { name: "a_total", labels: {}, value: 2 },
    ]);
    expect(sampleOf(families, "h_sum")).toBe(3.5);
  });

  const wrong: readonly [title: string, text: string][] = [
    ["no line feed at the end", "# HELP a h\n# TYPE a gauge\na 1"],
    ["no TYPE", "# HELP a h\na 1\n"],
    ["no HELP", "# TYPE a gauge\na 1\n"],
    ["a family twice", `${head("a", "gauge")}a 1\n${head("a", "gauge")}a{x="1"} 1\n`],
    ["a family without samples", head("a", "gauge")],
    ["a sample of another family", `${head("a", "gauge")}b 1\n`],
    ["a series twice", `${head("a", "gauge")}a{x="1",y="2"} 1\na{y="2",x="1"} 2\n`],
    ["a counter without _total", `${head("a", "counter")}a 1\n`],
    ["a gauge with it", `${head("a_total", "gauge")}a_total 1\n`],
    ["a quote that is open", `${head("a", "gauge")}a{x="1} 1\n`],
    ["a quote inside", `${head("a", "gauge")}a{x="1"2"} 1\n`],
    ["a line feed inside", `${head("a", "gauge")}a{x="1\n2"} 1\n`],
    ["an escape that is none", `${head("a", "gauge")}a{x="\\t"} 1\n`],
    ["a label twice", `${head("a", "gauge")}a{x="1",x="2"} 1\n`],
    ["a name that is none", `${head("a", "gauge")}a{1x="1"} 1\n`],
    ["no value", `${head("a", "gauge")}a{x="1"}\n`],
    ["a value that is none", `${head("a", "gauge")}a undefined\n`],
    ["an empty line", `${head("a", "gauge")}a 1\n\n`],
    ["a histogram without +Inf", `${head("h", "histogram")}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`],
    ["a histogram that falls", `${head("h", "histogram")}h_bucket{le="1"} 2\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n`],
    ["a histogram without its sum", `${head("h", "histogram")}h_bucket{le="+Inf"} 2\nh_count 2\n`],
  ];
  it.each(wrong)("refuses %s", (_title, text) => expect(() => parseExposition(text)).toThrow());
});
