import { systemRuntime } from "@tightbeam/core/runtime";
import { render } from "preact";
import { AppProvider, createApp } from "./app.js";
import { createFrames } from "./frames.js";
import { formatRoute, parseRoute, tokenOf } from "./route.js";
import { Shell } from "./shell.js";
import { startTheme } from "./theme.js";

const tokenPlace = "tightbeam-inspector-token";

/** From the first URL, out of which it goes at once; after that this tab remembers it, so that it can be read again. */
function takeToken(): string | undefined {
  const given = tokenOf(location.hash);
  try {
    if (given !== undefined) sessionStorage.setItem(tokenPlace, given);
    return given ?? sessionStorage.getItem(tokenPlace) ?? undefined;
  } catch {
    return given;
  } finally {
    if (location.hash.startsWith("#token")) history.replaceState(null, "", formatRoute("overview"));
  }
}

const token = takeToken();
startTheme();
const runtime = systemRuntime();
const { app } = createApp({
  runtime,
  fetch: globalThis.fetch.bind(globalThis),
  token,
  hash: location.hash,
  onFrame: createFrames(runtime, requestAnimationFrame),
});
addEventListener("hashchange", () => {
  // A new address of a restarted inspector, opened in the same tab.
  if (tokenOf(location.hash) !== undefined) location.reload();
  else app.route.value = parseRoute(location.hash);
});
render(
  <AppProvider value={app}>
    <Shell />
  </AppProvider>,
  document.body,
);
