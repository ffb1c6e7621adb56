/*
 * Reads Prometheus' text exposition format 0.0.4 as its specification has it, and refuses whatever it does not allow: for tests of what we write.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly ParsedSample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const types = ["counter", "gauge", "histogram"];

/** Throws for anything that is not exactly the format, and for families that contradict themselves. */
export function parseExposition(text: string): ReadonlyMap<string, ParsedFamily> {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line does not end with a line feed");
  if (new TextDecoder("utf-8", { fatal: true }).decode(new TextEncoder().encode(text)) !== text) throw new Error("no UTF-8");
  const families = new Map<string, ParsedFamily & { samples: ParsedSample[] }>();
  const series = new Set<string>();
  let help: { name: string; text: string } | undefined;
  let family: (ParsedFamily & { samples: ParsedSample[] }) | undefined;
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${i + 1}: ${why}: ${line}`);
    };
    if (line.startsWith("# HELP ")) {
      if (help !== undefined) fail("HELP after HELP");
      const [, name = "", doc = ""] = /^# HELP (\S+) (.*)$/.exec(line) ?? fail("no HELP");
      help = { name, text: unescapeText(doc, false) ?? fail("an escape that is none") };
    } else if (line.startsWith("# TYPE ")) {
      const [, name = "", type = ""] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? fail("no TYPE");
      if (help?.name !== name) fail("TYPE without its HELP");
      if (!metricName.test(name)) fail("no name");
      if (!types.includes(type)) fail("no type");
      if (families.has(name)) fail("the same family twice");
      if ((type === "counter") !== name.endsWith("_total")) fail("counters, and only they, end in _total");
      family = { name, type: type as ParsedFamily["type"], help: help?.text ?? "", samples: [] };
      families.set(name, family);
      help = undefined;
    } else {
      if (help !== undefined) fail("HELP without TYPE");
      const sample = parseSample(line) ?? fail("no sample");
      if (family === undefined || !belongs(sample.name, family)) fail("a sample outside its family");
      const key = seriesKey(sample);
      if (series.has(key)) fail("the same series twice");
      series.add(key);
      family?.samples.push(sample);
    }
  }
  if (help !== undefined) throw new Error("HELP without TYPE at the end");
  for (const each of families.values()) checkFamily(each);
  return families;
}

const belongs = (name: string, { name: of, type }: ParsedFamily): boolean =>
  type === "histogram" ? [`${of}_bucket`, `${of}_sum`, `${of}_count`].includes(name) : name === of;

const seriesKey = ({ name, labels }: ParsedSample): string => JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);

/** `name [ "{" label "=" '"' value '"' { "," … } "}" ] value`; character by character, since a label's value may hold any of them. */
function parseSample(line: string): ParsedSample | undefined {
  const [name = ""] = /^[^{\s]+/.exec(line) ?? [];
  if (!metricName.test(name)) return undefined;
  const labels: Record<string, string> = Object.create(null);
  let at = name.length;
  if (line[at] === "{") {
    at += 1;
    while (line[at] !== "}") {
      const [label = ""] = /^[^=]+/.exec(line.slice(at)) ?? [];
      if (!labelName.test(label) || label in labels || line[at + label.length + 1] !== '"') return undefined;
      const from = at + label.length + 2;
      let to = from;
      while (to < line.length && line[to] !== '"') to += line[to] === "\\" ? 2 : 1;
      const value = unescapeText(line.slice(from, to), true);
      if (to >= line.length || value === undefined) return undefined;
      labels[label] = value;
      at = to + 1;
      if (line[at] === ",") at += 1;
      else if (line[at] !== "}") return undefined;
    }
    at += 1;
  }
  const [, number] = /^ (\S+)$/.exec(line.slice(at)) ?? [];
  const value = number === undefined ? undefined : parseNumber(number);
  return value === undefined ? undefined : { name, labels: { ...labels }, value };
}

function unescapeText(text: string, quotes: boolean): string | undefined {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      out += text[i];
      continue;
    }
    i += 1;
    if (text[i] === "\\") out += "\\";
    else if (text[i] === "n") out += "\n";
    else if (text[i] === '"' && quotes) out += '"';
    else return undefined;
  }
  return out;
}

function parseNumber(text: string): number | undefined {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  if (text === "NaN") return Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function checkFamily({ name, type, samples }: ParsedFamily): void {
  if (samples.length === 0) throw new Error(`${name} has no samples`);
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts below 0`);
  if (type !== "histogram") return;
  const series = new Map<string, { buckets: [number, number][]; sum?: number; count?: number }>();
  for (const sample of samples) {
    const { le, ...rest } = sample.labels;
    const key = seriesKey({ ...sample, name, labels: rest });
    const one = series.get(key) ?? { buckets: [] };
    series.set(key, one);
    if (sample.name.endsWith("_bucket")) one.buckets.push([parseNumber(le ?? "") ?? Number.NaN, sample.value]);
    else if (le !== undefined) throw new Error(`${sample.name} has a bound`);
    else if (sample.name.endsWith("_sum")) one.sum = sample.value;
    else one.count = sample.value;
  }
  for (const { buckets, sum, count } of series.values()) {
    if (sum === undefined || count === undefined) throw new Error(`${name} lacks its sum or its count`);
    if (buckets.at(-1)?.[0] !== Number.POSITIVE_INFINITY || buckets.at(-1)?.[1] !== count) throw new Error(`${name}: the bucket +Inf is not the count`);
    for (let i = 1; i < buckets.length; i++) {
      const [low, below] = buckets[i - 1] as [number, number];
      const [high, upTo] = buckets[i] as [number, number];
      if (!(low < high) || below > upTo) throw new Error(`${name}: buckets out of order`);
    }
  }
}

/** The value of one series. Throws when there is none. */
export function sampleOf(families: ReadonlyMap<string, ParsedFamily>, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const of = [...families.values()].find((family) => belongs(name, family));
  const found = of?.samples.filter((sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value));
  if (found?.length !== 1) throw new Error(`${found?.length ?? 0} series of ${name} ${JSON.stringify(labels)}`);
  return (found[0] as ParsedSample).value;
}
