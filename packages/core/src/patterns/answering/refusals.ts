import { isTightbeamError, TightbeamError } from "../../errors.js";

/**
 * `overloaded`, again after 0 ms, says that nothing was done and sends the request to another instance. When another agent said
 * so (`id`) to a handler that hands it on, it was about the handler's own request: this call has run.
 */
export const ofThisCall = (error: unknown): unknown =>
  isTightbeamError(error) && error.code === "overloaded" && error.retryAfter === 0 && error.id !== undefined
    ? new TightbeamError("overloaded", error.message, { cause: error, retryAfter: 1 })
    : error;

/** Of our own, not of an agent that a handler asked. */
export const isUnhandled = (error: unknown): boolean =>
  isTightbeamError(error) && (error.code === "no_handler" || error.code === "unsupported_version") && error.id === undefined;
