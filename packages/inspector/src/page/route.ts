export const viewNames = ["overview", "messages", "performance", "queues", "dead-letters", "security", "traces"] as const;
export type ViewName = (typeof viewNames)[number];

/** Where the page is: `#/traces/<id>`. */
export interface Route {
  readonly view: ViewName;
  readonly item: string | undefined;
}

/** What is no view is the overview. */
export function parseRoute(hash: string): Route {
  const [, name = "", ...rest] = /^#\/([a-z-]+)(?:\/(.+))?$/.exec(hash) ?? [];
  const view = viewNames.find((one) => one === name);
  return view === undefined ? { view: "overview", item: undefined } : { view, item: rest[0] === undefined ? undefined : decoded(rest[0]) };
}

export const formatRoute = (view: ViewName, item?: string): string => `#/${view}${item === undefined ? "" : `/${encodeURIComponent(item)}`}`;

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const tokenShape = /^#token=([0-9a-f]{64})$/;

/** The token of a page's first URL. */
export const tokenOf = (hash: string): string | undefined => tokenShape.exec(hash)?.[1];
