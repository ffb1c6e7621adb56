import { TightbeamError } from "../errors.js";
import { startHandshake } from "../noise/start.js";
import type { Handshake } from "../noise/types.js";
import type { Context } from "./context.js";
import { createSession } from "./session.js";
import { type Suite, suiteOf } from "./suites.js";
import type { Role } from "./transcript.js";
import type { Session, SuiteId } from "./types.js";

const exporterLabel = "tightbeam/1 exporter\0";

/** A fresh Noise handshake of a suite, with our key of the moment. */
export async function startNoise(context: Context, suite: SuiteId, role: Role, prologue: Uint8Array): Promise<Handshake> {
  const { noise } = suiteOf(suite) as Suite;
  return startHandshake({ protocol: noise, role, prologue, staticKey: await context.staticKey(), random: context.runtime.random, crypto: context.crypto });
}

/** What a finished handshake becomes; the handshake's own secrets are erased. */
export function sessionOf(context: Context, handshake: Handshake, suite: SuiteId, localId: number, remoteId: Uint8Array): Session {
  const hash = handshake.hash;
  const exporter = handshake.exporter(exporterLabel);
  const { send, receive } = handshake.splitKeys();
  if (send === undefined || receive === undefined) throw new TightbeamError("internal", "a suite's pattern must have two directions");
  return createSession({
    suite,
    localId,
    remoteId: remoteId.slice(),
    sendKey: send,
    receiveKey: receive,
    hash,
    exporter,
    aead: context.crypto.chachaPoly,
    clock: context.runtime.clock,
    limits: context.limits,
  });
}
