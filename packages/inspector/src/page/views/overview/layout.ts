import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from "d3-force";

interface Body extends SimulationNodeDatum {
  readonly key: string;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Where agents stand: links pull, agents push. Those that were there keep their places as far as the new ones let them. */
export interface Layout {
  /** Keys, and pairs of them; pairs of unknown keys are left out. */
  update(keys: readonly string[], pairs: readonly (readonly [string, string])[]): void;
  /** Goes on; false when everything has come to rest. */
  step(count: number): boolean;
  /** All places, moved and scaled into a box, `margin` from its edges. */
  fit(width: number, height: number, margin: number): Map<string, Place>;
}

const rest = 0.02;
const largest = 3;
/** Of one force to the other at most: boxes that are long one way still get a layout with both. */
const stretchMost = 2.5;

export function createLayout(aspect: () => number): Layout {
  let bodies: Body[] = [];
  const simulation = forceSimulation<Body>([]).stop();
  return {
    update(keys, pairs) {
      const before = new Map(bodies.map((body) => [body.key, body]));
      bodies = keys.map((key) => before.get(key) ?? { key });
      const known = new Set(keys);
      const links = pairs.filter(([a, b]) => a !== b && known.has(a) && known.has(b)).map(([source, target]) => ({ source, target }));
      const stretch = Math.min(stretchMost, Math.max(1 / stretchMost, aspect()));
      simulation
        .nodes(bodies)
        .force(
          "link",
          forceLink<Body, { source: string; target: string }>(links)
            .id(({ key }) => key)
            .distance(90),
        )
        .force("push", forceManyBody<Body>().strength(-260))
        .force("apart", forceCollide<Body>(26))
        .force("x", forceX<Body>(0).strength(0.05))
        .force("y", forceY<Body>(0).strength(0.05 * stretch))
        .alpha(before.size === 0 ? 1 : 0.5);
    },
    step(count) {
      if (simulation.alpha() < rest) return false;
      simulation.tick(count);
      return simulation.alpha() >= rest;
    },
    fit(width, height, margin) {
      const xs = bodies.map(({ x = 0 }) => x);
      const ys = bodies.map(({ y = 0 }) => y);
      const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      // Two agents must not stand in opposite corners, and a circle may become an ellipse but no line.
      const room = [(width - 2 * margin) / Math.max(1, right - left), (height - 2 * margin) / Math.max(1, bottom - top)] as const;
      const even = Math.min(...room);
      const [scaleX, scaleY] = room.map((one) => Math.max(0, Math.min(largest, one, even * stretchMost))) as [number, number];
      return new Map(
        bodies.map(({ key, x = 0, y = 0 }) => [key, { x: width / 2 + (x - (left + right) / 2) * scaleX, y: height / 2 + (y - (top + bottom) / 2) * scaleY }]),
      );
    },
  };
}
