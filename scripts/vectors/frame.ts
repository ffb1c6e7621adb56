import { concat, toHex } from "../../packages/core/src/bytes.js";
import {
  buildAsk,
  buildHs1Head,
  buildHs2,
  buildHs3,
  buildRetry,
  dataHeader,
  parseHs1,
  parseHs2,
  parseHs3,
  parseRetry,
  putCounter,
} from "../../packages/core/src/frame/frame.js";

interface FrameVector {
  readonly description: string;
  readonly type: "HS1" | "HS2" | "HS3" | "RETRY" | "DATA";
  readonly fields: Readonly<Record<string, string | number | readonly number[]>>;
  readonly frame: string;
}

interface DroppedFrame {
  readonly description: string;
  readonly parser: "HS1" | "HS2" | "HS3" | "RETRY";
  readonly reason: string;
  readonly frame: string;
}

export interface FrameVectors {
  readonly about: string;
  readonly frames: readonly FrameVector[];
  readonly dropped: readonly DroppedFrame[];
}

const instance = "AAECAwQFBgcICQoLDA0ODw";
const replyTo = `inbox/acme/alice/${instance}`;
const sessionId = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
const foreignId = Uint8Array.of(255, 254, 253, 252, 251, 250, 249, 248);
const cookie = Uint8Array.from({ length: 52 }, (_, i) => i);
const message = Uint8Array.from({ length: 48 }, (_, i) => 0xa0 + (i % 16));

const hs1 = (suite: number, suites: readonly number[], withCookie: boolean): Uint8Array =>
  concat(buildHs1Head({ suite, sessionId: foreignId, replyTo, suites, cookie: withCookie ? cookie : undefined }), message);
const ask = buildAsk({ suite: 0x0101, sessionId: foreignId, replyTo, suites: [0x0101] });
const hs2 = buildHs2({ suite: 0x0101, to: sessionId, sessionId: foreignId, replyTo, message });
const hs3 = buildHs3({ suite: 0x0101, to: sessionId, message });
const retry = buildRetry({ suite: 0x0001, to: sessionId, replyTo, cookie });
const data = (counter: number): Uint8Array => {
  const head = dataHeader(sessionId);
  putCounter(head, counter);
  return concat(head, message);
};

const common = { replyTo, message: toHex(message) };
const patched = (frame: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = frame.slice();
  copy[at] = value;
  return copy;
};

export function frameVectors(): FrameVectors {
  const dropped = (description: string, parser: DroppedFrame["parser"], frame: Uint8Array): DroppedFrame => {
    const parse = { HS1: parseHs1, HS2: parseHs2, HS3: parseHs3, RETRY: parseRetry }[parser];
    const reason = parse(frame);
    if (typeof reason !== "string") throw new Error(`not dropped: ${description}`);
    return { description, parser, reason, frame: toHex(frame) };
  };
  const first = hs1(0x0101, [0x0101, 0x0001], false);
  return {
    about:
      "Tightbeam frames, version 1 (docs/protocol.md, sections 4 and 5). Bytes are hex; `message` stands for a Noise message, or for ciphertext and tag. Each of `dropped` is dropped; `reason` is what this implementation counts it as.",
    frames: [
      {
        description: "first message",
        type: "HS1",
        fields: { suite: 0x0101, sessionId: toHex(foreignId), suites: [0x0101, 0x0001], ...common },
        frame: toHex(first),
      },
      {
        description: "first message with a cookie and a suite nobody knows yet",
        type: "HS1",
        fields: { suite: 0x0001, sessionId: toHex(foreignId), suites: [0x7777, 0x0001], cookie: toHex(cookie), ...common },
        frame: toHex(hs1(0x0001, [0x7777, 0x0001], true)),
      },
      {
        description: "a question who is there: zeros for a Noise message",
        type: "HS1",
        fields: { suite: 0x0101, sessionId: toHex(foreignId), replyTo, suites: [0x0101], message: "00".repeat(64) },
        frame: toHex(ask),
      },
      {
        description: "second message",
        type: "HS2",
        fields: { suite: 0x0101, to: toHex(sessionId), sessionId: toHex(foreignId), ...common },
        frame: toHex(hs2),
      },
      { description: "third message", type: "HS3", fields: { suite: 0x0101, to: toHex(sessionId), message: toHex(message) }, frame: toHex(hs3) },
      { description: "retry", type: "RETRY", fields: { suite: 0x0001, to: toHex(sessionId), replyTo, cookie: toHex(cookie) }, frame: toHex(retry) },
      ...[0, 1, 65_535, 65_536, 2 ** 32, 2 ** 48 - 1].map(
        (counter): FrameVector => ({
          description: `record with counter ${counter}`,
          type: "DATA",
          fields: { to: toHex(sessionId), counter, message: toHex(message) },
          frame: toHex(data(counter)),
        }),
      ),
    ],
    dropped: [
      dropped("version 0", "HS1", patched(first, 0, 0x01)),
      dropped("version 2", "HS1", patched(first, 0, 0x21)),
      dropped("reserved type 6", "HS1", patched(first, 0, 0x16)),
      dropped("an unknown flag", "HS1", patched(first, 1, 0x04)),
      dropped("a question with a cookie", "HS1", patched(ask, 1, 0x03)),
      dropped("a question of 63 zeros", "HS1", ask.subarray(0, -1)),
      dropped("a flag where none is defined", "HS2", patched(hs2, 1, 0x01)),
      dropped("a session id in HS1", "HS1", patched(first, 11, 1)),
      dropped("the header's suite is not on the list", "HS1", hs1(0x0001, [0x0101], false)),
      dropped("an empty suite list", "HS1", hs1(0x0001, [], false)),
      dropped("a suite list cut short", "HS1", first.slice(0, first.length - message.length - 1)),
      dropped(
        "a reply address outside inbox/<agent>/<instance>",
        "HS1",
        concat(buildHs1Head({ suite: 1, sessionId, replyTo: "agent/acme/alice", suites: [1] }), message),
      ),
      dropped("an instance of 21 characters", "HS2", buildHs2({ suite: 1, to: sessionId, sessionId, replyTo: replyTo.slice(0, -1), message })),
      dropped("a session id of 2^53", "HS3", patched(hs3, 5, 0x20)),
      dropped(
        "a cookie of 51 bytes",
        "RETRY",
        buildRetry({ suite: 1, to: sessionId, replyTo, cookie: Uint8Array.from([...cookie.subarray(1), 0]) }).fill(
          51,
          14 + replyTo.length,
          15 + replyTo.length,
        ),
      ),
      dropped("something after the cookie", "RETRY", concat(retry, Uint8Array.of(0))),
    ],
  };
}
