import type { Layout, Place } from "./layout.js";

const margin = 34;
const stepsAFrame = 2;

/** Moves what is drawn to where the layout says, frame by frame until it rests, and again when the box changes. Returns what ends that. */
export function drawGraph(svg: SVGSVGElement, layout: Layout): () => void {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frame = 0;
  let moving = true;
  const draw = (): void => place(svg, layout.fit(svg.clientWidth, svg.clientHeight, margin), svg.clientWidth);
  const next = (): void => {
    frame = requestAnimationFrame(() => {
      moving = still ? settle(layout) : layout.step(stepsAFrame);
      draw();
      if (moving) next();
    });
  };
  const resized = new ResizeObserver(() => {
    if (!moving) draw();
  });
  resized.observe(svg);
  next();
  return () => {
    cancelAnimationFrame(frame);
    resized.disconnect();
  };
}

function settle(layout: Layout): boolean {
  while (layout.step(10));
  return false;
}

/** Of a character of a name, on average, and what stays free beside it. */
const characterWidth = 7;
const namePadding = 6;

/** So far a name moves from under its agent, to be whole beside the edge of the drawing. */
export function nameShift(x: number, characters: number, width: number): number {
  const half = (characters * characterWidth) / 2 + namePadding;
  return half * 2 > width ? 0 : Math.min(Math.max(x, half), width - half) - x;
}

function place(svg: SVGSVGElement, places: ReadonlyMap<string, Place>, width: number): void {
  for (const node of svg.querySelectorAll<SVGGElement>("[data-agent]")) {
    const at = places.get(node.dataset.agent ?? "");
    if (at === undefined) continue;
    node.setAttribute("transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`);
    const name = node.querySelector(".node-name");
    name?.setAttribute("x", nameShift(at.x, name.textContent?.length ?? 0, width).toFixed(1));
  }
  for (const edge of svg.querySelectorAll<SVGGElement>("[data-edge]")) {
    const from = places.get(edge.dataset.from ?? "");
    const to = places.get(edge.dataset.to ?? "");
    if (from === undefined || to === undefined) continue;
    for (const line of edge.querySelectorAll("line")) {
      for (const [name, value] of [
        ["x1", from.x],
        ["y1", from.y],
        ["x2", to.x],
        ["y2", to.y],
      ] as const)
        line.setAttribute(name, value.toFixed(1));
    }
    edge.querySelector(".edge-sign")?.setAttribute("transform", `translate(${((from.x + to.x) / 2).toFixed(1)} ${((from.y + to.y) / 2).toFixed(1)})`);
  }
}
