import type { OnDemand } from "../on-demand.js";
import type { Address } from "../transport/address.js";
import type { Context } from "./context.js";
import type { createResponder, Responder } from "./responder.js";

/** Frames that wait while it is loaded, and their bytes: who dials repeats what was dropped. */
const framesMax = 64;
const bytesMax = 128 * 1024;

/** A responder whose code is loaded with the first HS1. */
export function createLateResponder(context: Context, load: OnDemand<{ readonly createResponder: typeof createResponder }>): Responder {
  let responder: Responder | undefined;
  let waiting: { readonly at: Address; readonly frame: Uint8Array }[] = [];
  let bytes = 0;
  let closed = false;

  const take = (): typeof waiting => {
    const all = waiting;
    waiting = [];
    bytes = 0;
    return all;
  };

  const begin = async (): Promise<void> => {
    try {
      const code = load.loaded ?? (await load());
      if (closed) return;
      responder = code.createResponder(context);
    } catch {
      context.refuse("unavailable");
      take();
      return;
    }
    for (const { at, frame } of take()) {
      try {
        responder.receiveHs1(at, frame);
      } catch {
        context.refuse("internal");
      }
    }
  };

  return {
    get pending() {
      return responder?.pending ?? 0;
    },
    has: (id) => responder?.has(id) === true,
    receiveHs1(at, frame) {
      if (responder !== undefined) return responder.receiveHs1(at, frame);
      if (closed) return;
      if (waiting.length >= framesMax || bytes + frame.length > bytesMax) return context.refuse("pending");
      waiting.push({ at, frame: frame.slice() });
      bytes += frame.length;
      if (waiting.length === 1) void begin();
    },
    receiveHs3: (frame) => responder?.receiveHs3(frame) === true,
    receiveData: (frame) => responder?.receiveData(frame) === true,
    close() {
      closed = true;
      take();
      responder?.close();
    },
  };
}
