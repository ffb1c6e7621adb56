import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { PatternHost } from "../host.js";

/** An event that no subscription here asked for. */
export function refuseUnasked(host: Pick<PatternHost, "onRefused">, link: Link, delivery: Delivery): void {
  delivery.settle("no_handler");
  host.onRefused({ peer: link.peer.id, error: new TightbeamError("unsupported", "An event came from a peer that was not asked for any.") });
}
