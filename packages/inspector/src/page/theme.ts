import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const darkSystem = (): MediaQueryList => matchMedia("(prefers-color-scheme: dark)");
const place = "tightbeam-inspector-theme";

/** What is chosen here; `system` follows the machine. */
export const theme = signal<Theme>("system");
/** Rises when colours change: what draws on a canvas draws again. */
export const themeVersion = signal(0);

export function startTheme(): void {
  const stored = read();
  show(stored === "light" || stored === "dark" ? stored : "system");
  darkSystem().addEventListener("change", () => show(theme.value));
}

export function chooseTheme(next: Theme): void {
  show(next);
  try {
    localStorage.setItem(place, next);
  } catch {
    // Storage may be forbidden: then the choice lasts as long as the page.
  }
}

function show(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset.theme = next === "system" ? (darkSystem().matches ? "dark" : "light") : next;
  themeVersion.value += 1;
}

function read(): string | null {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}
