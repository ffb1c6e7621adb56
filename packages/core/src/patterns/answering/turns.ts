import type { EncodedPayload } from "../../codec/types.js";
import { TightbeamError } from "../../errors.js";
import type { Outcome } from "../../link/message.js";
import { type Admission, callPermission } from "../admission/admission.js";
import type { Handled, Handlers } from "./handlers.js";
import { heldBytes, keepPayload } from "./keep-payload.js";
import type { MiddlewareChain } from "./middleware.js";
import type { Call, RunningCalls } from "./running-calls.js";

export interface TurnsOptions {
  readonly admission: Admission;
  readonly handlers: Pick<Handlers, "get" | "forTheRest">;
  readonly calls: RunningCalls;
  readonly middleware: MiddlewareChain;
  /** Why nothing answers this name. */
  readonly missing: (name: string) => TightbeamError;
  readonly run: (call: Call, found: Handled | undefined, payload: EncodedPayload | undefined) => void;
  readonly done: (call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown) => void;
  /** Why nothing begins any more. */
  readonly closing: () => TightbeamError | undefined;
}

/** Calls between their arrival and their beginning: those that wait for a place, and those that wait for another with their key. */
export interface Turns {
  readonly waiting: number;
  /** Begins when there is a place, if it is permitted and not too old by then. */
  queue(call: Call, payload: EncodedPayload | undefined): void;
  /** One that waits for a place waits no longer. False when its turn has come. */
  withdraw(call: Call): boolean;
  /** It waits for something else than a place. */
  hold(call: Call): void;
  /** No longer. */
  letGo(call: Call): void;
  /** What was held, or is new, begins when there is a place. `late`: it is looked at again. */
  start(call: Call, payload: EncodedPayload | undefined, late: boolean): void;
}

export function createTurns({ admission, handlers, calls, middleware, missing, run, done, closing }: TurnsOptions): Turns {
  const { places } = admission;
  let waiting = 0;

  const tooLate = ({ link, header }: Call): TightbeamError | undefined =>
    admission.forbidden(link, callPermission(header.method as string)) ?? admission.expired(link, header, "when its turn came");

  const queue = (call: Call, payload: EncodedPayload | undefined): void => {
    const { link, header } = call;
    const kept = keepPayload(payload);
    let started = false;
    waiting++;
    const turn = places.wait(link.peer.id, header.priority, heldBytes(header, kept), (place) => {
      started = true;
      call.turn = undefined;
      call.place = place;
      waiting--;
      calls.remove(call);
      const late = tooLate(call);
      if (late === undefined) run(call, handlers.get(header.method as string) ?? handlers.forTheRest, kept);
      else done(call, "refused", undefined, late);
    });
    if (turn instanceof TightbeamError) {
      waiting--;
      return done(call, "refused", undefined, turn);
    }
    if (started) return;
    call.turn = turn;
    calls.add(call);
  };

  const letGo = (call: Call): void => {
    if (!call.held) return;
    call.held = false;
    waiting--;
  };

  return {
    get waiting() {
      return waiting;
    },
    queue,
    withdraw(call) {
      if (call.turn === undefined || !places.withdraw(call.turn)) return false;
      call.turn = undefined;
      waiting--;
      return true;
    },
    hold(call) {
      if (call.held) return;
      call.held = true;
      waiting++;
      calls.add(call);
    },
    letGo,
    start(call, payload, late) {
      letGo(call);
      const { link, header } = call;
      const name = header.method as string;
      const found = handlers.get(name) ?? handlers.forTheRest;
      if (found === undefined && !middleware.used) return done(call, "no_handler", undefined, missing(name));
      const refused = late ? (closing() ?? call.cancelled ?? tooLate(call)) : undefined;
      if (refused !== undefined) return done(call, "refused", undefined, refused);
      call.place = places.enter(link.peer.id, header.priority);
      if (call.place === undefined) queue(call, payload);
      else run(call, found, payload);
    },
  };
}
