import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { themeVersion } from "../theme.js";
import { formatTime } from "./format.js";

export interface PlotSeries {
  readonly name: string;
  /** A custom property of main.css: `--series-1`. */
  readonly color: string;
  readonly dash?: readonly number[];
  readonly fill?: boolean;
}

interface PlotProps {
  readonly title: string;
  readonly series: readonly PlotSeries[];
  /** Seconds since 1970, then one list for each series; null where there is nothing. */
  readonly data: readonly [readonly number[], ...(readonly (number | null)[])[]];
  readonly format: (value: number) => string;
  readonly height?: number;
  /** Bytes: the scale goes by powers of two. */
  readonly binary?: boolean;
}

/** Lines over time. What it shows is in a table as well, which the view puts beside it: the canvas says nothing to a screen reader but its name. */
export function Plot({ title, series, data, format, height = 190, binary = false }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const names = series.map(({ name }) => name).join("\n");
  const theme = themeVersion.value;

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(element, series, format, height, binary), data as unknown as uPlot.AlignedData, element);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      const width = Math.floor(element.clientWidth);
      if (width > 0 && width !== made.width) made.setSize({ width, height });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // Drawn anew when its series or the colours change; new figures only go into it.
  }, [names, theme, height]);

  useEffect(() => plot.current?.setData(data as unknown as uPlot.AlignedData), [data]);

  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        <ul class="legend">
          {series.map(({ name, color, dash }, index) => (
            <li key={name}>
              <svg viewBox="0 0 18 6" class="legend-line" aria-hidden="true">
                <path d="M0 3H18" stroke={`var(${color})`} stroke-dasharray={dash?.join(" ")} />
              </svg>
              {name} <b class="number">{lastOf(data[index + 1], format)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="plot-box" ref={place} role="img" aria-label={`${title}, as lines over time`} />
    </figure>
  );
}

function lastOf(values: readonly (number | null)[] | undefined, format: (value: number) => string): string {
  const last = values?.at(-1);
  return last === null || last === undefined ? "–" : format(last);
}

const binarySteps = Array.from({ length: 40 }, (_, power) => 2 ** power);

function optionsOf(element: HTMLElement, series: readonly PlotSeries[], format: (value: number) => string, height: number, binary: boolean): uPlot.Options {
  const styles = getComputedStyle(element);
  const color = (name: string): string => styles.getPropertyValue(name).trim();
  const font = `11px ${styles.fontFamily}`;
  const axis = { stroke: color("--muted"), font, grid: { stroke: color("--grid"), width: 1 }, ticks: { show: false } };
  return {
    width: Math.max(200, Math.floor(element.clientWidth)),
    height,
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false } },
    padding: [10, 30, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, size: 26, gap: 6, space: 76, values: (_plot, splits) => splits.map((at) => formatTime(at * 1_000)) },
      { ...axis, size: 66, gap: 6, space: 34, values: (_plot, splits) => splits.map(format), ...(binary ? { incrs: binarySteps } : {}) },
    ],
    series: [
      {},
      ...series.map(({ name, color: own, dash, fill }) => ({
        label: name,
        stroke: color(own),
        width: 1.5,
        points: { show: false },
        ...(dash === undefined ? {} : { dash: [...dash] }),
        ...(fill === true ? { fill: color(`${own}-soft`) } : {}),
      })),
    ],
  };
}
