import type { TelemetryEvent } from "./types.js";

/** Its agent has closed, and tells nothing more: whoever keeps it lets it go. */
export const isClosed = (event: TelemetryEvent): boolean => event.kind === "agent" && event.what === "closed";
