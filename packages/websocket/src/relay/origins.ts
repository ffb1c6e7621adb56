import { TightbeamError } from "@tightbeam/core/transport";

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
const originsMax = 64;

export const isLoopback = (host: string): boolean => host === "127.0.0.1" || host === "localhost" || host === "::1";

/** The origins a loopback relay is dialled by when it is told nothing else. */
export const loopbackOrigins = (port: number): string[] => [`ws://127.0.0.1:${port}`, `ws://localhost:${port}`, `ws://[::1]:${port}`];

export interface Origins {
  /** As in a token's audience. */
  readonly relay: ReadonlySet<string>;
  /** Host headers, lower case. */
  readonly hosts: ReadonlySet<string>;
  /** Origin headers: pages from the relay's own hosts and those that are listed. */
  readonly pages: ReadonlySet<string>;
}

/** Reads `origins` and `pages`. Throws `invalid_argument` for what is not exactly an origin. */
export function readOrigins(origins: readonly string[], pages: readonly string[]): Origins {
  if (origins.length === 0 || origins.length > originsMax) throw invalid(`\`origins\` lists 1 to ${originsMax} origins, such as wss://relay.example.`);
  const relay = new Set<string>();
  const hosts = new Set<string>();
  const allowed = new Set<string>(pages.map((page) => exactOrigin(page, ["http:", "https:"], "pages", "https://app.example")));
  for (const given of origins) {
    const origin = exactOrigin(given, ["ws:", "wss:"], "origins", "wss://relay.example");
    const url = new URL(origin);
    relay.add(origin);
    hosts.add(url.host);
    if (url.port === "") hosts.add(`${url.host}:${url.protocol === "wss:" ? 443 : 80}`);
    allowed.add(origin.replace(/^ws/, "http"));
  }
  return { relay, hosts, pages: allowed };
}

function exactOrigin(given: string, protocols: readonly string[], option: string, example: string): string {
  let url: URL | undefined;
  try {
    url = new URL(given);
  } catch {
    url = undefined;
  }
  if (url === undefined || !protocols.includes(url.protocol) || (given !== url.origin && given !== `${url.origin}/`)) {
    throw invalid(`\`${option}\` lists origins such as ${example}, without path, query or user; '${String(given).slice(0, 100)}' is none.`);
  }
  return url.origin;
}
