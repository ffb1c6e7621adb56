import type { ComponentChildren } from "preact";

interface PanelProps {
  readonly title: string;
  /** Beside the title: controls or a count. */
  readonly side?: ComponentChildren;
  /** No space inside: for tables and drawings that reach to the edge. */
  readonly flush?: boolean;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A titled part of a view. */
export const Panel = ({ title, side, flush = false, class: name = "", children }: PanelProps) => (
  <section class={`panel ${name}`}>
    <header class="panel-head">
      <h2>{title}</h2>
      {side !== undefined && <div class="panel-side">{side}</div>}
    </header>
    <div class={flush ? "panel-flush" : "panel-body"}>{children}</div>
  </section>
);

/** What stands where there is nothing: why, and what would change it. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children !== undefined && <p>{children}</p>}
  </div>
);

/** One figure with its name. */
export const Figure = ({ name, value, note, tone }: { readonly name: string; readonly value: string; readonly note?: string; readonly tone?: string }) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd>
      <span class={`figure-value ${tone === undefined ? "" : `text-${tone}`}`}>{value}</span>
      {note !== undefined && <span class="figure-note">{note}</span>}
    </dd>
  </div>
);

export const Figures = ({ children }: { readonly children: ComponentChildren }) => <dl class="figures">{children}</dl>;

/** A name and what it is, below one another. */
export const Facts = ({ rows }: { readonly rows: readonly (readonly [name: string, value: ComponentChildren])[] }) => (
  <dl class="facts">
    {rows.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);
