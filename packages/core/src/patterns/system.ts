import type { Method } from "../contract/index.js";
import { ownPrefix } from "../contract/standard-schema.js";
import { TightbeamError } from "../errors.js";
import type { Link } from "../link/link-types.js";
import type { Server } from "./answering/server-types.js";
import type { Caller } from "./asking/caller-types.js";
import type { NotifyOptions, OperationOptions } from "./asking/operation.js";

/** What `value` a peer sent, and over which link: its sender is authenticated, nothing else about it is. */
export type SystemHandler = (link: Link, value: unknown) => unknown;

/** What agents say to each other on their own account: requests and notifications whose names begin with `tb/`, on a given link. */
export interface System {
  /** Answers `tb/<name>`. What it throws goes to the peer as a handler's error would. */
  handle(name: string, handler: SystemHandler): void;
  /** Rejects as `Agent.request` does; `no_handler` when the peer knows nothing of it. */
  request(link: Link, name: string, value: unknown, options?: OperationOptions): Promise<unknown>;
  /** Resolves as `Agent.notify` does. */
  notify(link: Link, name: string, value: unknown, options?: NotifyOptions): Promise<void>;
}

const ownMethod = (name: string): Method => ({
  kind: "method",
  name: ownPrefix + name,
  input: undefined,
  output: undefined,
  idempotent: false,
  durable: false,
});

export function createSystem(caller: Caller, server: Server): System {
  const methods = new Map<string, Method>();
  const methodOf = (name: string): Method => {
    const known = methods.get(name) ?? ownMethod(name);
    methods.set(name, known);
    return known;
  };
  return {
    handle(name, handler) {
      if (!server.handleOwn(methodOf(name), handler)) throw new TightbeamError("internal", `${ownPrefix}${name} is answered already.`);
    },
    request: (link, name, value, options = {}) => caller.requestOn(link, methodOf(name), value, options),
    notify: (link, name, value, options = {}) => caller.notifyOn(link, methodOf(name), value, options),
  };
}
