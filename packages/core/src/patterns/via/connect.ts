import { type AwaitUsing, awaitUsing } from "../../disposable.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import { isAddress } from "../../transport/address.js";
import { createInbox } from "../../transport/inbox.js";
import { type Transport, TransportError } from "../../transport/transport.js";
import { notATarget, type Target, toTarget } from "../asking/target.js";
import { deskOf } from "./desk.js";
import { encodeMessage, frameMaxBytes, kinds, messageMaxBytes, owned } from "./message.js";
import { checkThrough, type ThroughOptions } from "./options.js";
import { createThrough } from "./through.js";
import { hopsDefault, isGroup } from "./words.js";

/** What `connectThrough` needs of an agent: one made by `createAgent`. */
export interface Carrier {
  readonly id: string;
  readonly instance: string;
}

/**
 * A transport whose frames travel inside `agent`'s link with `peer`, which forwards them (`agent.forward()`) and cannot read them. It listens for agents with
 * `agent`'s own id only; it is down while `peer` cannot be reached, finds it or another of its instances again, and ends when `agent` is closed.
 * Rejects with `denied` or `unsupported` when the peer does not forward for us, `no_answer` and what else a link can end with, `invalid_argument`.
 */
export async function connectThrough(agent: Carrier, peer: Target, options: ThroughOptions = {}): Promise<Transport & AwaitUsing> {
  checkThrough(options);
  const target = toTarget(peer) ?? (await notATarget());
  const desk = deskOf(agent);
  const { hops = hopsDefault, inboxBytes } = options;
  const { timers } = desk.inside.host.runtime;
  if (desk.inside.messageMaxBytes < messageMaxBytes)
    throw new TightbeamError("invalid_argument", `A frame needs messages of ${messageMaxBytes} bytes: raise this agent's limit messageMaxBytes.`);

  const through = createThrough(desk, target, (error) => void through.finish(error));
  await through.begin(options.timeout ?? limits.requestTimeoutMs);

  return awaitUsing<Transport & AwaitUsing>({
    capabilities: { maxFrameBytes: frameMaxBytes, groups: true, fanout: true },
    state: through.state,
    closed: through.closed,
    send(to, frame) {
      const refused = through.refusal();
      if (refused !== undefined) return Promise.reject(refused);
      if (frame.byteLength > frameMaxBytes) return Promise.reject(tooLarge(frame.byteLength));
      if (!isAddress(to) || to.length > 255) return Promise.reject(notAnAddress());
      return through.send(encodeMessage(kinds.send, hops, 0, to, frame));
    },
    async subscribe(at, receive, { group } = {}) {
      if (!isAddress(at) || at.length > 255) throw notAnAddress();
      if (group !== undefined && !isGroup(group)) throw new TightbeamError("invalid_argument", "A group is named like an agent: [realm/]name.");
      const inbox = createInbox({ at, receive, timers, ...(inboxBytes === undefined ? undefined : { maxBytes: inboxBytes }), onDropped: through.change });
      const held = through.listen({
        at,
        group,
        hops: undefined,
        take: (message, body) => void inbox.push(owned(message).subarray(body), true),
        lost: (frames, bytes) => through.change({ type: "dropped", at, frames, bytes }),
      });
      try {
        await held.confirmed;
      } catch (error) {
        inbox.close();
        throw error;
      }
      void through.closed.then(inbox.close);
      return () => {
        inbox.close();
        return held.leave();
      };
    },
    close: () => through.finish(undefined),
  });
}

const tooLarge = (bytes: number): TransportError =>
  new TransportError("too_large", `A frame of ${bytes} bytes exceeds the ${frameMaxBytes} that are forwarded; send smaller frames.`);
const notAnAddress = (): TightbeamError => new TightbeamError("invalid_address", "Addresses come from address(); this string is outside the grammar.");
