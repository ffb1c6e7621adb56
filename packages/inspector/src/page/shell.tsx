import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp, useModel } from "./app.js";
import { formatNumber, plural } from "./parts/format.js";
import { State } from "./parts/state.js";
import { formatRoute, type ViewName, viewNames } from "./route.js";
import { Refused, StateBanner } from "./status.js";
import { chooseTheme, type Theme, theme } from "./theme.js";
import { Letters } from "./views/letters/letters.js";
import { Messages } from "./views/messages/messages.js";
import { Overview } from "./views/overview/overview.js";
import { Performance } from "./views/performance/performance.js";
import { Queues } from "./views/queues.js";
import { Security } from "./views/security.js";
import { Traces } from "./views/traces/traces.js";

const views: Readonly<Record<ViewName, { readonly title: string; readonly heading: string; readonly View: ComponentType }>> = {
  overview: { title: "Overview", heading: "Agents and links", View: Overview },
  messages: { title: "Messages", heading: "Messages", View: Messages },
  performance: { title: "Performance", heading: "Throughput and latency", View: Performance },
  queues: { title: "Queues", heading: "Queues, windows and credit", View: Queues },
  "dead-letters": { title: "Dead letters", heading: "Dead letters", View: Letters },
  security: { title: "Security", heading: "Security feed", View: Security },
  traces: { title: "Traces", heading: "Traces", View: Traces },
};

/** The frame around the views: where one is, how the page stands to its server, and what a screen reader is told. */
export function Shell() {
  const app = useApp();
  const { view } = app.route.value;
  const { heading, title, View } = views[view];
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const refused = app.connection.value.state === "refused";
  useEffect(() => {
    document.title = `${title} · Tightbeam inspector`;
    // Whoever went to another view by keyboard stands at its beginning.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    if (main.current !== null) scrollTo(0, 0);
  }, [view]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the view
      </button>
      <Header />
      <div class="frame">
        <Navigation />
        <main id="main" ref={main} tabIndex={-1}>
          <h1>{heading}</h1>
          {refused ? (
            <Refused />
          ) : (
            <>
              <StateBanner />
              <View />
            </>
          )}
        </main>
      </div>
      <p class="unseen" role="status" aria-live="polite">
        {app.said.value}
      </p>
    </>
  );
}

function Header() {
  const app = useApp();
  const model = useModel();
  const connection = app.connection.value;
  const { about } = model;
  return (
    <header class="top">
      <p class="brand">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M3 12H21M3 7.5 21 12 3 16.5" />
        </svg>
        Tightbeam <span>inspector</span>
      </p>
      <div class="top-side">
        {connection.state === "live" ? (
          <State tone="good">live</State>
        ) : (
          <State tone={connection.state === "connecting" ? "info" : "bad"}>
            {{ connecting: "connecting", lost: "connection lost", refused: "refused" }[connection.state]}
          </State>
        )}
        {about !== undefined && <span class={`tag ${about.actions ? "tag-warn" : ""}`}>{about.actions ? "actions allowed" : "read-only"}</span>}
        {(model.dropped > 0 || model.missed > 0 || model.overflow > 0) && <Dropped dropped={model.dropped} missed={model.missed} overflow={model.overflow} />}
        <ThemeSwitch />
      </div>
    </header>
  );
}

/** What the page does not show is said, too. */
const Dropped = ({ dropped, missed, overflow }: { readonly dropped: number; readonly missed: number; readonly overflow: number }) => (
  <span class="tag tag-wide" title="Messages that were too many to be told one by one. Rates, plots and queues count them all.">
    {[
      dropped > 0 ? `${formatNumber(dropped)} not listed` : "",
      missed > 0 ? `${plural(missed, "update")} missed` : "",
      overflow > 0 ? `${formatNumber(overflow)} beyond what the page keeps` : "",
    ]
      .filter((part) => part !== "")
      .join(", ")}
  </span>
);

const themes: readonly { readonly name: Theme; readonly title: string }[] = [
  { name: "system", title: "Auto" },
  { name: "light", title: "Light" },
  { name: "dark", title: "Dark" },
];

const ThemeSwitch = () => (
  <fieldset class="segments">
    <legend class="unseen">Colours</legend>
    {themes.map(({ name, title }) => (
      <label key={name} class={theme.value === name ? "on" : ""}>
        <input type="radio" name="theme" class="unseen" checked={theme.value === name} onChange={() => chooseTheme(name)} />
        {title}
      </label>
    ))}
  </fieldset>
);

/** A list of links; where the window is narrow, behind a button. */
function Navigation() {
  const app = useApp();
  const model = useModel();
  const open = useSignal(false);
  const { view } = app.route.value;
  const letters = [...model.agents.values()].reduce((sum, { deadLetters }) => sum + (deadLetters?.count ?? 0), 0);
  const marks: Partial<Record<ViewName, string>> = letters > 0 ? { "dead-letters": formatNumber(letters) } : {};
  return (
    <nav aria-label="Views" class={open.value ? "open" : ""}>
      <button type="button" class="menu" aria-expanded={open.value} aria-controls="views" onClick={() => (open.value = !open.value)}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M2 4H14M2 8H14M2 12H14" />
        </svg>
        {views[view].title}
      </button>
      <ul id="views">
        {viewNames.map((name) => (
          <li key={name}>
            <a href={formatRoute(name)} aria-current={name === view ? "page" : undefined} onClick={() => (open.value = false)}>
              {views[name].title}
              {marks[name] !== undefined && <span class="mark number">{marks[name]}</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
