import type { LinksEvent } from "../link/links-types.js";
import type { Server } from "./answering/server-types.js";
import type { Caller } from "./asking/caller-types.js";
import type { PatternPart } from "./host.js";

export interface Told {
  readonly caller: Pick<Caller, "linkEnded">;
  readonly server: Pick<Server, "linkEnded">;
  /** More may come. */
  readonly parts: readonly PatternPart[];
  readonly emit: (event: LinksEvent) => void;
}

/** What becomes of links, for an agent's parts and then for whoever listens to the agent. */
export const tellParts =
  ({ caller, server, parts, emit }: Told) =>
  (event: LinksEvent): void => {
    if (event.type === "link_ended") {
      caller.linkEnded(event.link, event.error);
      server.linkEnded(event.link, event.error);
      for (const part of [...parts]) part.linkEnded?.(event.link, event.error);
    } else if (event.type === "link" && event.state === "up") for (const part of parts) part.linkUp?.(event.link);
    else if (event.type === "link" && event.state === "suspect") for (const part of parts) part.linkSuspect?.(event.link);
    emit(event);
  };
