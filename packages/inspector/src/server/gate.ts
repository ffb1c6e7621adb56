import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { tokenHeader } from "../feed/protocol.js";
import { type Refusal, refusal } from "./refusal.js";

export interface Gate {
  /** What a request for a file of the page is refused with: it may be asked without the token, which the page's script has to read first. */
  page(request: IncomingMessage): Refusal | undefined;
  /** What a request for data is refused with. */
  data(request: IncomingMessage): Refusal | undefined;
}

export interface GateOptions {
  readonly token: string;
  /** Where the page is opened: the origin by its Host (`name:port`), both as browsers send them. */
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * A page of another origin can make a browser ask anything of 127.0.0.1, and a name that its owner points there makes that origin look like
 * ours: so the Host must be one of ours, the Origin too, and the token must be there, which no other page has.
 */
export function createGate({ token, origins }: GateOptions): Gate {
  const expected = Buffer.from(token, "latin1");

  /** The one that the page would have under the Host that was asked for. */
  function originOf(request: IncomingMessage): string | undefined {
    const given = valuesOf(request, "host");
    return given.length === 1 ? origins.get((given[0] as string).toLowerCase()) : undefined;
  }

  function knows(given: readonly string[]): boolean {
    const shown = Buffer.from(given[0] ?? "", "latin1");
    return given.length === 1 && shown.length === expected.length && timingSafeEqual(shown, expected);
  }

  return {
    page(request) {
      if (originOf(request) === undefined) return wrongHost;
      // A link may be followed from anywhere; only the page itself loads what belongs to it.
      const site = request.headers["sec-fetch-site"];
      const followed = request.headers["sec-fetch-mode"] === "navigate" && request.headers["sec-fetch-dest"] === "document";
      return site === undefined || site === "same-origin" || followed ? undefined : wrongOrigin;
    },
    data(request) {
      const own = originOf(request);
      if (own === undefined) return wrongHost;
      const site = request.headers["sec-fetch-site"];
      if (site !== undefined && site !== "same-origin") return wrongOrigin;
      const named = valuesOf(request, "origin");
      // Browsers name the origin with every POST; of a GET to the page's own origin they leave it out.
      const originFits = named.length === 0 ? request.method === "GET" : named.length === 1 && named[0] === own;
      if (!originFits) return wrongOrigin;
      return knows(valuesOf(request, tokenHeader)) ? undefined : wrongToken;
    },
  };
}

const wrongHost = refusal(421, "denied", "This inspector is not reached under this name: open the address that it printed.");
const wrongOrigin = refusal(403, "denied", "Only the inspector's own page may ask this.");
const wrongToken = refusal(401, "denied", "The token is missing or wrong: open the address that the inspector printed when it started.");

/** As they came: `request.headers` joins or drops what came twice. */
function valuesOf(request: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  const { rawHeaders } = request;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === name) values.push(rawHeaders[at + 1] as string);
  return values;
}
