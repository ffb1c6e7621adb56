import type { IncomingMessage, RequestListener } from "node:http";
import type { TokenEndpoint } from "@tightbeam/core/identity";
import { checkKnown } from "@tightbeam/core/transport";
import { sourceOf } from "./gate.js";
import { webListener } from "./web-listener.js";

export interface TokenListenerOptions {
  /** Whom a request is counted for. Default: the address of the socket (of IPv6 the /64), which behind a proxy is the proxy's. */
  readonly source?: ((request: IncomingMessage) => string) | undefined;
}

/**
 * The endpoint of `authority.accept` for a server of `node:http` or `node:https`, which may be the one a relay is on (`server`). It answers
 * every request, 404 for paths that are not the endpoint's.
 */
export function tokenListener(endpoint: Pick<TokenEndpoint, "handle">, { source = addressOf, ...unknown }: TokenListenerOptions = {}): RequestListener {
  checkKnown("tokenListener", unknown, ["source"]);
  return webListener((asked, request) => endpoint.handle(asked, { source: source(request) }));
}

const addressOf = (request: IncomingMessage): string => sourceOf(request.socket.remoteAddress);
