import { type Bytes, join, same } from "./bytes.js";
import { type Hs1, type Hs2, type Hs3, hashOf, hashOfFirst, hs1Head, hs2Frame, hs3Frame, parseInbox, prologue, type Retry } from "./frames.js";
import { type Identity, type Issuer, popPayload, type Verified, verifyCompact, verifyToken } from "./identity.js";
import type { Link } from "./link-offer.js";
import { message1Bytes, type NoiseKeys, type NoiseState, readMessage, split, startNoise, writeMessage } from "./noise.js";
import { type Limits, type Payload, readPayload, writePayload } from "./payload.js";
import { sha256 } from "./primitives.js";

/** docs/protocol.md, sections 4.2 to 4.7, without the network: frames in, frames out. */

/** One side of one attempt. */
export interface Self {
  readonly identity: Identity;
  readonly token: string;
  readonly issuer: Issuer;
  readonly instance: string;
  readonly suites: readonly number[];
  readonly limits: Limits;
  readonly sessionId: Bytes;
  readonly keys: NoiseKeys;
  readonly now: number;
}

/** What a finished handshake gives either side. */
export interface Established {
  readonly initiator: boolean;
  readonly suite: number;
  readonly peer: Verified;
  readonly inbox: string;
  readonly own: Bytes;
  readonly theirs: Bytes;
  readonly payload: Payload;
  readonly sendKey: Bytes;
  readonly receiveKey: Bytes;
  /** The hash that message 3's proof signs, and the final one. */
  readonly h3: Bytes;
  readonly h: Bytes;
  /** What READY must carry. */
  readonly hashOfMessage3: Bytes;
}

const replyAddressOf = (self: Self): string => `inbox/${self.identity.id}/${self.instance}`;

export interface Initiation {
  readonly hs1: Bytes;
  readonly sessionId: Bytes;
  /** The next attempt, when this RETRY may be obeyed; throws otherwise. `keys`: new ones. */
  retry(retry: Retry, frame: Bytes, keys: NoiseKeys): { address: string; initiation: Initiation };
  /** Message 3. Throws when HS2 does not count: nothing has changed then. */
  answer(hs2: Hs2, offer: (peer: Verified, inbox: string, h: Bytes) => Link): Promise<{ hs3: Bytes; address: string; established: Established }>;
}

export function initiate(self: Self, dialled: string, retried?: { hash: Bytes; retry: Bytes; suite: number; cookie: Bytes; wanted: string }): Initiation {
  const suite = retried?.suite ?? (self.suites[0] as number);
  const replyAddress = replyAddressOf(self);
  const { sessionId, suites } = self;
  const head = hs1Head({ suite, sessionId, replyAddress, suites, ...(retried === undefined ? {} : { cookie: retried.cookie }) });
  const [state, noise] = writeMessage(startNoise(suite, true, prologue(dialled, head, retried), self.keys), () => new Uint8Array());
  const hs1 = join(head, noise);
  const wanted = retried?.wanted ?? dialled;
  return {
    hs1,
    sessionId,
    retry(retry, frame, keys) {
      const { id } = parseInbox(retry.replyAddress);
      const fits = wanted === retry.replyAddress || wanted === `agent/${id}`;
      if (retried !== undefined || !same(retry.to, sessionId) || !suites.includes(retry.suite) || !fits || retry.replyAddress === replyAddress)
        throw new Error("not a RETRY to obey");
      if (!same(hashOfFirst(retry.cookie), hashOf(hs1))) throw new Error("a RETRY of something else");
      const again = { hash: hashOf(hs1), retry: frame, suite: retry.suite, cookie: retry.cookie, wanted };
      return { address: retry.replyAddress, initiation: initiate({ ...self, keys }, retry.replyAddress, again) };
    },
    async answer(hs2, offer) {
      if (!same(hs2.to, sessionId) || hs2.suite !== suite) throw new Error("HS2 of another attempt");
      const second = readMessage(state, hs2.noise);
      const { payload, peer } = await prove(self, second.payload, 1, second.h, hs2.sessionId, hs2.replyAddress);
      if (payload.link !== undefined) throw new Error("LINK in message 2");
      if (payload.suites.find((each) => suites.includes(each)) !== suite) throw new Error("downgrade");
      if (wanted !== hs2.replyAddress && wanted !== `agent/${peer.id}`) throw new Error("wrong_peer");
      let message3: Bytes = new Uint8Array();
      let h3: Bytes = new Uint8Array();
      const [finished, noise3] = writeMessage(second.state, (h) => {
        h3 = h;
        message3 = writePayload({ ...payloadOf(self), link: offer(peer, hs2.replyAddress, h) }, 0, h, self.identity.key);
        return message3;
      });
      const established = establish(self, finished, peer, payload, h3, message3, hs2.replyAddress);
      return { hs3: hs3Frame(suite, hs2.sessionId, noise3), address: hs2.replyAddress, established };
    },
  };
}

export interface Response {
  readonly hs2: Bytes;
  readonly address: string;
  readonly sessionId: Bytes;
  /** Throws when HS3 does not count. */
  finish(hs3: Hs3): Promise<{ established: Established; link: Link }>;
}

/** The suite that a responder wants of this list: the first of its own preference. */
export const chooseSuite = (own: readonly number[], offered: readonly number[]): number | undefined => own.find((suite) => offered.includes(suite));

/** `at`: the address of the subscription on which HS1 came. */
export function respond(self: Self, hs1: Hs1, at: string, retried?: { hash: Bytes; retry: Bytes }): Response {
  const { sessionId } = self;
  const suite = chooseSuite(self.suites, hs1.suites);
  if (suite !== hs1.suite || hs1.noise.length !== message1Bytes(suite) || hs1.replyAddress === replyAddressOf(self)) throw new Error("not to be answered");
  const first = readMessage(startNoise(suite, false, prologue(at, hs1.head, retried), self.keys), hs1.noise);
  const [state, noise2] = writeMessage(first.state, (h) => writePayload(payloadOf(self), 1, h, self.identity.key));
  return {
    hs2: hs2Frame(suite, hs1.sessionId, sessionId, replyAddressOf(self), noise2),
    address: hs1.replyAddress,
    sessionId,
    async finish(hs3) {
      if (!same(hs3.to, sessionId) || hs3.suite !== suite) throw new Error("HS3 of another attempt");
      const third = readMessage(state, hs3.noise);
      const { payload, peer } = await prove(self, third.payload, 0, third.h, hs1.sessionId, hs1.replyAddress);
      if (payload.suites.join() !== hs1.suites.join()) throw new Error("downgrade");
      if (payload.link === undefined) throw new Error("no LINK in message 3");
      return { established: establish(self, third.state, peer, payload, third.h, third.payload, hs1.replyAddress), link: payload.link };
    },
  };
}

const payloadOf = ({ token, sessionId, suites, now, limits, instance }: Self): Payload => ({ token, sessionId, suites, time: now, limits, instance });

/** Token, proof, and that both belong to the frame (sections 2 and 4.6). */
async function prove(self: Self, bytes: Bytes, role: 0 | 1, h: Bytes, sessionId: Bytes, replyAddress: string) {
  const { payload, proof, tlvs } = readPayload(bytes);
  const peer = await verifyToken(payload.token, self.issuer, self.now);
  if (payload.jwk !== undefined) throw new Error("a key beside a token with cnf.jwk");
  if (!verifyCompact(proof, peer.jwk, "tightbeam-pop+jws", popPayload(role, h, sha256(tlvs)))) throw new Error("proof");
  if (replyAddress !== `inbox/${peer.id}/${payload.instance}` || !same(payload.sessionId, sessionId)) throw new Error("wrong_peer");
  return { payload, peer };
}

function establish(self: Self, state: NoiseState, peer: Verified, payload: Payload, h3: Bytes, message3: Bytes, inbox: string): Established {
  const { initiator, responder, h } = split(state);
  const keys = state.initiator ? { sendKey: initiator, receiveKey: responder } : { sendKey: responder, receiveKey: initiator };
  const { initiator: first, suite } = state;
  return { initiator: first, suite, peer, inbox, own: self.sessionId, theirs: payload.sessionId, payload, ...keys, h3, h, hashOfMessage3: sha256(message3) };
}
