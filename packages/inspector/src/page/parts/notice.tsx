import type { ComponentChildren } from "preact";
import { Shape, type Tone } from "./state.js";

/** Something that whoever looks should know, beside what it is about. */
export const Notice = ({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) => (
  <div class={`notice notice-${tone}`}>
    <Shape tone={tone} />
    <div>{children}</div>
  </div>
);
