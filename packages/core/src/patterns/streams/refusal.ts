import { toWireError } from "../../envelope/error.js";
import { encodeErrorPart } from "../../envelope/part-head.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { PatternHost } from "../host.js";
import { say } from "./say.js";

type RefusalHost = Pick<PatternHost, "ids" | "runtime" | "onFailure">;

/** Tells who opened a stream why there is none. */
export function refuseOpening(host: RefusalHost, link: Link, delivery: Delivery, header: EnvelopeHeader, error: TightbeamError): void {
  const id = host.ids.text(host.runtime.clock.wall());
  host.onFailure({ id, method: header.method ?? "", peer: link.peer.id, error });
  say(link, delivery.lane, encodeErrorPart({ number: header.stream?.number ?? 0, byOpener: false }, toWireError(error, id)), true);
  delivery.settle("refused", error);
}
