import { type Method, method as makeMethod, type Stream } from "./contract/index.js";
import type { HandlerContext } from "./patterns/answering/context.js";
import type { HandleOptions } from "./patterns/answering/handlers.js";
import type { Server } from "./patterns/answering/server-types.js";
import type { Streams } from "./patterns/streams/streams.js";
import type { StreamContext, StreamHandleOptions } from "./patterns/streams/types.js";

const toHandled = (method: Method | string): Method => (typeof method === "string" ? makeMethod(method) : method);

/** `agent.handle`: one word for what answers a method and what serves a stream. */
export const createHandle =
  (streams: Streams, server: Server) =>
  (contract: Method | Stream | string, handler: (input: never, context: never) => unknown, handleOptions?: StreamHandleOptions | HandleOptions) =>
    typeof contract === "object" && contract.kind === "stream"
      ? streams.handle(contract, handler as (input: unknown, context: StreamContext) => unknown, handleOptions as StreamHandleOptions)
      : server.handle(toHandled(contract), handler as (input: unknown, context: HandlerContext) => unknown, handleOptions as HandleOptions);
