import { decodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { validate } from "../../contract/index.js";
import { fromWireError } from "../../envelope/error.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Call } from "./call.js";

/** A call's reply, a response or an error, has come: settles it with what that says, or with why it cannot be read. */
export function settleReply(call: Call, header: EnvelopeHeader, payload: EncodedPayload | undefined, json: JsonLimits): void {
  if (header.error !== undefined) {
    const error = fromWireError(header.error);
    // `overloaded`, again after 0 ms: not here, and nothing was done.
    if (error.code === "overloaded" && error.retryAfter === 0) call.declined(error);
    else call.settle(undefined, error);
    return;
  }
  try {
    const value = decodePayload(payload, json);
    const { output } = call.method;
    const checked = output === undefined ? value : validate(output, value, "output");
    if (checked instanceof Promise)
      checked.then(
        (valid) => call.settle(valid, undefined),
        (error) => call.settle(undefined, error),
      );
    else call.settle(checked, undefined);
  } catch (error) {
    call.settle(undefined, error as TightbeamError);
  }
}
