import { encodeUtf8, toHex } from "../../packages/core/src/bytes.js";
import { crypto } from "../../packages/core/src/crypto/index.js";
import { sessionIdToBytes } from "../../packages/core/src/frame/frame.js";
import { createVirtualRuntime } from "../../packages/core/src/runtime/index.js";
import { rekey } from "../../packages/core/src/secure/key-chain.js";
import { createSession } from "../../packages/core/src/secure/session.js";

interface SealedRecord {
  readonly description: string;
  readonly counter: number;
  readonly epoch: number;
  readonly plaintext: string;
  readonly frame: string;
}

export interface SessionVectors {
  readonly about: string;
  readonly key: string;
  readonly to: string;
  readonly epochKeys: readonly string[];
  readonly records: readonly SealedRecord[];
}

const minute = 60_000;

export function sessionVectors(): SessionVectors {
  const runtime = createVirtualRuntime({ seed: 1 });
  const aead = crypto().chachaPoly;
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const to = sessionIdToBytes(0x0102_0304_0506);
  const session = createSession({
    suite: 0x0101,
    localId: 1,
    remoteId: to,
    sendKey: key.slice(),
    receiveKey: new Uint8Array(32),
    hash: new Uint8Array(32),
    exporter: new Uint8Array(32),
    aead,
    clock: runtime.clock,
  });
  const epochKeys: Uint8Array[] = [key];
  for (let epoch = 1; epoch < 4; epoch++) epochKeys.push(rekey(aead, epochKeys[epoch - 1] as Uint8Array));
  const sealed = (description: string, plaintext: Uint8Array): SealedRecord => {
    const frame = session.seal(plaintext);
    return { description, counter: session.lastSealed, epoch: session.epoch.send, plaintext: toHex(plaintext), frame: toHex(frame) };
  };
  const records = [
    sealed("the first record", encodeUtf8("hello")),
    sealed("an empty record", new Uint8Array(0)),
    sealed(
      "100 bytes",
      Uint8Array.from({ length: 100 }, (_, i) => i),
    ),
  ];
  for (let i = 3; i < 65_535; i++) session.seal(new Uint8Array(0));
  records.push(sealed("the last counter of epoch 0", encodeUtf8("last")), sealed("the first counter of epoch 1: rekeyed by count", encodeUtf8("first")));
  runtime.advanceSync(10 * minute);
  records.push(sealed("10 minutes later: the counter jumps to epoch 2", encodeUtf8("jump")));
  runtime.advanceSync(10 * minute);
  records.push(sealed("and again", encodeUtf8("jump again")));
  return {
    about:
      "Tightbeam records, version 1 (docs/protocol.md, section 5). One direction of a session: `key` is its key from Split, `to` the receiver's session id, `epochKeys[i]` = Rekey applied i times. Opening `frame` gives `plaintext`.",
    key: toHex(key),
    to: toHex(to),
    epochKeys: epochKeys.map(toHex),
    records,
  };
}
