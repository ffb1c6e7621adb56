import type { ComponentChildren } from "preact";

/** How something stands: each has a colour, a shape and its word, so that none of them is needed alone. */
export type Tone = "good" | "warn" | "bad" | "info" | "idle";

const shapes: Readonly<Record<Tone, string>> = {
  good: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9Z",
  warn: "M6 1.2 11 10.5H1Z",
  bad: "M2.6 1.2 6 4.6 9.4 1.2 10.8 2.6 7.4 6 10.8 9.4 9.4 10.8 6 7.4 2.6 10.8 1.2 9.4 4.6 6 1.2 2.6Z",
  info: "M6 1 11 6 6 11 1 6Z",
  idle: "M1.5 5H10.5V7H1.5Z",
};

export const Shape = ({ tone }: { readonly tone: Tone }) => (
  <svg class={`shape tone-${tone}`} viewBox="0 0 12 12" aria-hidden="true">
    <path d={shapes[tone]} />
  </svg>
);

export const State = ({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) => (
  <span class={`state text-${tone}`}>
    <Shape tone={tone} />
    <span>{children}</span>
  </span>
);

const tones: Readonly<Record<string, Tone>> = {
  up: "good",
  suspect: "warn",
  down: "bad",
  ended: "idle",
  closed: "idle",
  unreachable: "bad",
  unknown: "idle",
  open: "bad",
  half_open: "warn",
  done: "good",
  failed: "bad",
  waiting: "info",
  streaming: "info",
  refused: "warn",
  replayed: "bad",
  forged: "bad",
  unknown_key: "warn",
  downgrade: "bad",
};

/** Of a state's name; what is not known is idle. */
export const toneOf = (state: string): Tone => (Object.hasOwn(tones, state) ? tones[state] : undefined) ?? "idle";
