import { type Signal, signal } from "@preact/signals";
import type { Runtime } from "@tightbeam/core/runtime";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Ask, createAsk } from "./connection/ask.js";
import { type Connection, connect } from "./connection/connect.js";
import { createModel, type Model } from "./model/model.js";
import { parseRoute, type Route } from "./route.js";

/** What the views share. Reading a signal in a view draws it again when that changes. */
export interface App {
  readonly runtime: Runtime;
  readonly model: Model;
  /** Rises at most once a frame, when the model changed: a view that shows the model reads it. */
  readonly version: Signal<number>;
  readonly connection: Signal<Connection>;
  readonly route: Signal<Route>;
  /** Of the overview: the key of an edge or an agent. */
  readonly selected: Signal<{ readonly kind: "edge" | "agent"; readonly key: string } | undefined>;
  readonly messages: MessageState;
  /** What a screen reader is told next. */
  readonly said: Signal<string>;
  readonly ask: Ask;
  say(text: string): void;
}

export interface MessageState {
  readonly text: Signal<string>;
  readonly agent: Signal<string>;
  readonly failedOnly: Signal<boolean>;
  /** Undefined: live. Else what there was when it was paused. */
  readonly frozen: Signal<readonly import("../feed/types.js").MessageView[] | undefined>;
  readonly selected: Signal<string | undefined>;
}

export interface AppOptions {
  readonly runtime: Runtime;
  readonly fetch: typeof globalThis.fetch;
  /** Undefined: the page was opened without one, and asks nothing. */
  readonly token: string | undefined;
  readonly hash: string;
  /** Runs before the next frame is drawn. */
  readonly onFrame: (run: () => void) => void;
}

export const noToken: Connection = { state: "refused", status: 401, message: "" };

/** The app, and a function that ends its connection. */
export function createApp({ runtime, fetch, token, hash, onFrame }: AppOptions): { readonly app: App; readonly close: () => void } {
  const model = createModel();
  const version = signal(0);
  const connection = signal<Connection>(token === undefined ? noToken : { state: "connecting" });
  const said = signal("");
  let asked = false;
  const changed = (): void => {
    if (asked) return;
    asked = true;
    onFrame(() => {
      asked = false;
      version.value += 1;
    });
  };
  const app: App = {
    runtime,
    model,
    version,
    connection,
    route: signal(parseRoute(hash)),
    selected: signal(undefined),
    messages: { text: signal(""), agent: signal(""), failedOnly: signal(false), frozen: signal(undefined), selected: signal(undefined) },
    said,
    ask: createAsk(fetch, token ?? ""),
    say(text) {
      said.value = text;
    },
  };
  if (token === undefined) return { app, close: () => undefined };
  const close = connect({
    runtime,
    fetch,
    token,
    onBatch(batch) {
      model.apply(batch);
      changed();
    },
    onConnection(next) {
      if (next.state !== connection.value.state) said.value = words[next.state];
      connection.value = next;
    },
  });
  return { app, close };
}

const words: Readonly<Record<Connection["state"], string>> = {
  connecting: "",
  live: "Connected: what you see is live.",
  lost: "The connection to the inspector is lost. It is tried again.",
  refused: "The inspector refuses this page.",
};

const context = createContext<App | undefined>(undefined);
export const AppProvider = context.Provider;

export function useApp(): App {
  const app = useContext(context);
  if (app === undefined) throw new Error("a view stands outside its app");
  return app;
}

/** The model as it is now; the view that calls it is drawn again when that changes. */
export function useModel(): Model {
  const { model, version } = useApp();
  void version.value;
  return model;
}
