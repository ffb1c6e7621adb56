/*
 * Which test shows which row of BAD-INPUTS, all sections of it. The row is the beginning of
 * its line; `in` names test files and a text that stands in each. coverage.test.ts holds the table to the files.
 */

export interface Covered {
  readonly row: string;
  readonly in: readonly (readonly [file: string, text: string])[];
}

const relay = "packages/websocket/test/relay/abuse.test.ts";
const session = "packages/websocket/test/relay/session.test.ts";
const login = "packages/websocket/test/login.test.ts";
const json = "packages/core/test/codec/json.test.ts";
const wire = "packages/core/test/envelope/wire.test.ts";
const schema = "packages/core/test/envelope/schema.test.ts";
const secure = "packages/core/test/secure";
const identity = "packages/core/test/identity";
const crypto = "packages/core/test/crypto";
const token = `${identity}/token.test.ts`;
const remote = `${identity}/remote.test.ts`;
const attacks = `${secure}/attacks.test.ts`;
const records = `${secure}/session.test.ts`;
const bytes = "packages/core/test/bytes.test.ts";
const memory = "packages/memory/test/memory.test.ts";
const rogue = "test/abuse/rogue.test.ts";
const outsider = "test/abuse/outsider.test.ts";
const flood = "test/abuse/flood.test.ts";
const streams = "test/abuse/streams.test.ts";
const streamSuite = "test/agents/stream-suite.ts";
const lifecycle = "test/abuse/lifecycle.test.ts";
const topics = "test/agents/topic-suite.ts";
const patterns = "packages/core/test/patterns";
const nats = "packages/nats/test";
const receiving = "test/bad-input.receiving.test.ts";
const lmdb = "packages/store-lmdb/test";
const crashes = "packages/conformance/src/stores/rules/crashes.ts";
const jetStream = `${nats}/store/server.test.ts`;
const cli = "packages/cli/test";

/** Rows about what Tightbeam does not have, and why nothing can go wrong there. */
export const absent: Readonly<Record<string, string>> = {
  "compression before encryption": "nothing is compressed: no option, no code",
  "encrypted payload that decompresses": "nothing is decompressed: no option, no code",
  "token reuse on a second link": "no profile has single-use tokens; a proof is bound to its own handshake (TM-42)",
};

export const covered: readonly Covered[] = [
  // A
  { row: "unmasked client frame", in: [[relay, "an unmasked frame"]] },
  { row: "reserved opcode", in: [[relay, "a reserved opcode"]] },
  { row: "invalid UTF-8 text", in: [[relay, "invalid UTF-8 as text"]] },
  { row: "text frame where binary", in: [[relay, "text where binary belongs"]] },
  { row: "declared length 2^53-1", in: [[relay, "a declared length of 2^53-1"]] },
  { row: "payload of limit+1", in: [[relay, "a frame of exactly the limit, which is carried, and one more byte"]] },
  { row: "exactly the limit", in: [[relay, "a frame of exactly the limit, which is carried"]] },
  {
    row: "empty fragments without end",
    in: [
      [relay, "empty fragments without end"],
      [rogue, "empty fragments without end"],
    ],
  },
  {
    row: "ping of 126 bytes",
    in: [
      [relay, "a ping of 126 bytes"],
      [relay, "a fragmented ping"],
      [relay, "close code 1005"],
    ],
  },
  {
    row: "1 M pings/s",
    in: [
      [relay, "a flood of pings"],
      [flood, "PINGs, a thousand a record"],
    ],
  },
  { row: "deflate bomb", in: [[relay, "a deflate bomb with the compression bit"]] },
  { row: "RSV bits", in: [[relay, "RSV bits without an extension"]] },
  { row: "slow handshake", in: [[relay, "a handshake of one byte at a time"]] },
  {
    row: "opens socket, never authenticates",
    in: [
      [relay, "a login that never comes"],
      [relay, "more connections without a login than one address may have"],
    ],
  },
  { row: "authenticates, then half-open", in: [[relay, "a half-open socket: closed within two heartbeats"]] },
  { row: "peer stops reading", in: [[session, "that stops reading loses its newest frames"]] },
  {
    row: "wrong Origin/Host",
    in: [
      [relay, "a wrong Host"],
      [relay, "a page of another Origin"],
    ],
  },
  {
    row: "two hellos on one socket",
    in: [
      [relay, "a second login"],
      [relay, "data before the login"],
    ],
  },
  {
    row: "truncated envelope",
    in: [
      [rogue, "half an envelope"],
      [rogue, "trailing bytes"],
      [rogue, "two envelopes in one message"],
    ],
  },
  {
    row: "zero-length frame",
    in: [
      [relay, "an empty message"],
      [rogue, "an empty message"],
      [rogue, "an empty record"],
    ],
  },
  {
    row: "version 0, version 255",
    in: [
      [rogue, "version 0"],
      [rogue, "version 15"],
      [rogue, "an unknown flag"],
      [`${secure}/payloads.test.ts`, "an ignorable one is ignored"],
    ],
  },
  // B
  {
    row: "depth 100 k",
    in: [
      [json, "100,000 levels of arrays"],
      [schema, "payload 100,000 levels deep"],
      [rogue, "100,000 levels"],
    ],
  },
  {
    row: "16 MB of numbers",
    in: [
      [json, "limit + 1 bytes"],
      [rogue, "2 MiB of numbers"],
    ],
  },
  {
    row: "80 k keys in 1 MB",
    in: [
      [json, "10,001 keys"],
      [rogue, "80,000 keys"],
    ],
  },
  {
    row: "`__proto__`, `constructor.prototype`",
    in: [
      [json, "__proto__ with escapes"],
      [json, "TM-71"],
      [rogue, "__proto__ deep and escaped"],
      [rogue, "a header __proto__"],
    ],
  },
  {
    row: "1e999",
    in: [
      [json, "1e999"],
      [json, "NaN"],
      [rogue, "1e999"],
    ],
  },
  {
    row: "lone surrogates",
    in: [
      [json, "escaped lone high surrogate"],
      [schema, "id with a lone surrogate"],
      [rogue, "a lone surrogate"],
    ],
  },
  {
    row: "NFC/NFD look-alike ids",
    in: [
      [token, "sub with a look-alike"],
      ["packages/core/test/contract/method.test.ts", "a\\u200b"],
      [rogue, "a method of homoglyphs"],
    ],
  },
  {
    row: "NUL, CR, LF, ESC",
    in: [
      [wire, "topic with CR LF"],
      [rogue, "a method with ESC"],
      [rogue, "a method with NUL"],
      [rogue, "a header value with ESC"],
    ],
  },
  {
    row: "1 MB string in an id",
    in: [
      [wire, "id of 1 MB"],
      [schema, "id of 1 MB"],
    ],
  },
  {
    row: "million-digit number",
    in: [
      [json, "a million digits"],
      [rogue, "a million digits"],
    ],
  },
  {
    row: "UTF-8 BOM",
    in: [
      [json, "byte order mark"],
      [json, "overlong slash"],
      [json, "0xff"],
      [rogue, "an overlong slash"],
    ],
  },
  { row: "non-canonical base64", in: [[bytes, "has one spelling for each value"]] },
  {
    row: "discriminator",
    in: [
      [schema, "discriminator __proto__"],
      [schema, "unknown kind"],
      [rogue, "an unknown type"],
    ],
  },
  {
    row: "array where object",
    in: [
      [schema, "type in an array"],
      [json, "boxed string"],
      [json, "own toJSON"],
      [json, "proxy that throws"],
      [json, "cycle"],
    ],
  },
  {
    row: "in-memory transport passing live",
    in: [
      [memory, "shows a tap every frame as a copy"],
      [json, "what happens to the value afterwards is not seen"],
    ],
  },
  // C
  {
    row: "each byte of header, AAD",
    in: [
      [records, "a flipped bit in every byte of header, ciphertext and tag"],
      [outsider, "flips a bit of byte"],
    ],
  },
  {
    row: "empty ciphertext, 15 bytes",
    in: [
      [records, "every truncation, and trailing bytes"],
      [outsider, "cuts frames short"],
    ],
  },
  { row: "tag length from the wire", in: [[`${crypto}/providers.test.ts`, "and any other length"]] },
  {
    row: "nonce reuse attempt",
    in: [
      [records, "TM-22"],
      [records, "TM-23"],
      [records, "64 epochs ahead opens, 65 does not"],
    ],
  },
  {
    row: "replay: immediate",
    in: [
      [records, "a replay, at once and later"],
      [records, "a record reflected to its sender"],
      [outsider, "plays yesterday's frames"],
      [outsider, "sends frames back to their sender"],
    ],
  },
  {
    row: "X25519 all-zero",
    in: [
      [`${crypto}/providers.test.ts`, "refuses the small-order point"],
      [attacks, "TM-50"],
    ],
  },
  {
    row: "**Ed25519 small-order",
    in: [
      [`${identity}/ed25519.test.ts`, "TM-06"],
      [`${identity}/without-native.test.ts`, "refuses small-order keys all the same"],
    ],
  },
  { row: "non-canonical S / R / A", in: [[`${identity}/ed25519.test.ts`, "with S of L or more"]] },
  {
    row: "signature over the same bytes",
    in: [
      [`${identity}/proof.test.ts`, "counts for one purpose"],
      [login, "refuses a proof of another type over the same bytes"],
      [`${secure}/payloads.test.ts`, "TM-42"],
    ],
  },
  {
    row: "key id pointing to another",
    in: [
      [token, "signed by another key under the issuer's kid"],
      [token, "../../x"],
    ],
  },
  {
    row: "unknown-key-share",
    in: [
      [attacks, "TM-33"],
      [outsider, "sends frames to others in place of the receiver"],
      [outsider, "HS1 to bob instead of alice"],
    ],
  },
  {
    row: "downgrade",
    in: [
      [attacks, "TM-32"],
      [outsider, "HS1 with another suite list"],
    ],
  },
  {
    row: "rotated/revoked/expired key",
    in: [
      [token, "TM-07"],
      [remote, "TM-08"],
      [attacks, "TM-36"],
      [session, "ends at the next check after a revocation"],
    ],
  },
  { row: "1 M skipped message keys", in: [[records, "a flood of forged epochs costs at most 64 derivations"]] },
  {
    row: "handshake message 2 of session A",
    in: [
      [attacks, "message 2 of session A in session B"],
      [attacks, "TM-39"],
      [outsider, "HS2 of two dials, each to the other"],
    ],
  },
  { row: "RNG failure", in: [[`${secure}/flood.test.ts`, "TM-48"]] },
  // D
  { row: "alg none", in: [[token, "alg none, no signature"]] },
  { row: "HS256 signed with the public PEM", in: [[token, "HS256 with the issuer's public PEM as secret"]] },
  {
    row: "unknown crit",
    in: [
      [token, "crit with an unknown extension"],
      [token, "crit b64 false"],
    ],
  },
  {
    row: "**no exp",
    in: [
      [token, "no exp"],
      [token, "no jti"],
    ],
  },
  {
    row: "exp as string",
    in: [
      [token, "exp as a string"],
      [token, "a token for year 9999 ends when its age does"],
    ],
  },
  {
    row: "nbf future",
    in: [
      [token, "nbf in the future"],
      [token, "iat in the future"],
    ],
  },
  {
    row: "aud array containing others",
    in: [
      [token, "an aud array without ours"],
      [token, "no aud where the profile wants one"],
    ],
  },
  {
    row: "right signature, other agent's sub",
    in: [
      [token, "another agent than dialled"],
      [attacks, "TM-35"],
    ],
  },
  { row: "8 MB token", in: [[token, "TM-14"]] },
  {
    row: "**trailing space",
    in: [
      [token, "a space behind"],
      [token, "padding"],
      [token, "a non-canonical last character"],
    ],
  },
  { row: "embedded jwk/jku/x5u", in: [[token, "signed by an embedded"]] },
  {
    row: "JWKS: unknown kid flood",
    in: [
      [remote, "TM-13"],
      [remote, "an issuer that misbehaves gives issuer_unavailable"],
    ],
  },
  {
    row: "duplicated header/claim names",
    in: [
      [token, "alg twice"],
      [token, "sub twice"],
    ],
  },
  {
    row: "stream chunks dropped, reordered",
    in: [
      [streamSuite, "a handler says many things and ends with its output"],
      [streams, "doubles its end, speaks after it"],
    ],
  },
  // E
  {
    row: "topic with space, CR LF",
    in: [
      [topics, "what is no topic and what is no pattern is refused where it is made"],
      [`${nats}/injection.test.ts`, "TM-87"],
    ],
  },
  {
    row: "publish to",
    in: [
      [topics, "what is no topic and what is no pattern is refused where it is made"],
      [`${nats}/odd.ts`, "$SYS.REQ.SERVER.PING"],
    ],
  },
  {
    row: "wildcard subscription beyond",
    in: [
      [`${patterns}/topics/publisher.test.ts`, "TM-128"],
      [`${patterns}/topics/pattern.test.ts`, '["a.>", "a", false]'],
      [`${nats}/privilege.test.ts`, "neither take a group's handshakes nor read an inbox"],
    ],
  },
  { row: "pattern blow-up", in: [[`${patterns}/topics/pattern.test.ts`, "TM-124"]] },
  {
    row: "reply-to pointing",
    in: [
      [flood, "also towards a third party"],
      [attacks, "a reply address in HS1 that was changed on the way"],
      [`${secure}/payloads.test.ts`, "reply address of another agent"],
      [`${nats}/injection.test.ts`, "TM-88"],
    ],
  },
  {
    row: "reply from another peer",
    in: [
      [rogue, "guessed correlation ids count only on the link they were asked on"],
      [rogue, "answers twice, late, and with hostile errors"],
    ],
  },
  { row: "request storm", in: [["test/agents/receiving-suite.ts", "TM-118 a storm of requests"]] },
  {
    row: "priority 0, -1",
    in: [
      [receiving, "a request of priority"],
      [`${patterns}/answering/server-queue.test.ts`, "G-60 TM-119"],
      ["packages/core/test/link/lanes.test.ts", "lane 1 saturated with 200 B ones leaves lane 3 its share"],
    ],
  },
  {
    row: "ttl 0, negative",
    in: [
      [receiving, "a ttl of"],
      ["test/agents/dead-letters.test.ts", "what was older than its ttl when it came or when its turn came is a letter"],
      ["test/durable/sending.test.ts", "G-79 what expires before it could be sent is a dead letter"],
    ],
  },
  {
    row: "routing loop",
    in: [
      ["test/via/path.test.ts", "TM-152: in a ring a frame to nobody ends"],
      ["test/via/path.test.ts", "TM-152: a frame is forwarded as often as it says"],
    ],
  },
  {
    row: "duplicate after the dedup window",
    in: [
      [`${patterns}/idempotency/idempotency.test.ts`, "a reply is kept for so long"],
      [records, "a replay, at once and later"],
      ["docs/idempotency.md", "24 h"],
    ],
  },
  // F
  {
    row: "retry of a non-retryable",
    in: [
      ["packages/core/test/resilience/retry.test.ts", "once, unless it may pass and nothing was done"],
      ["packages/core/test/resilience/retry.test.ts", "when everything fails, retries add a tenth to the calls"],
      ["packages/core/test/resilience/retry.test.ts", "after an outage clients spread out"],
    ],
  },
  {
    row: "breaker flapping",
    in: [
      ["packages/core/test/resilience/breaker.test.ts", "flapping: each time it opens again soon"],
      ["packages/core/test/resilience/breaker.test.ts", "even a monotonic clock that goes back while it is open"],
    ],
  },
  { row: "handler never settles", in: [[lifecycle, "one that never settles"]] },
  {
    row: "stream consumer stops reading",
    in: [
      [streamSuite, "a reader that stops holds at most its window"],
      [streamSuite, "leaving the loop cancels: the handler's signal fires"],
      [streams, "says more than was granted: `flow`"],
      [streams, "says more than it was granted: the caller has `flow`"],
    ],
  },
  { row: "listener throws in an event", in: [[lifecycle, "listeners that throw or reject"]] },
  {
    row: "close during send",
    in: [
      [lifecycle, "during sends of every size, twice, three times"],
      [lifecycle, "during reconnection a send waits"],
      [lifecycle, "then everything is refused"],
    ],
  },
  {
    row: "AbortSignal already aborted",
    in: [
      [lifecycle, "aborted already"],
      [lifecycle, "aborted between send and acknowledgement"],
    ],
  },
  {
    row: "DLQ full",
    in: [
      ["packages/core/test/patterns/dead-letters/prepare.test.ts", "full letters that refuse leave the message where it was"],
      ["packages/core/test/patterns/dead-letters/prepare.test.ts", "a store without room is tried again until it has some"],
      ["test/agents/dead-letters.test.ts", "a poison message stays and counts"],
    ],
  },
  // G
  {
    row: "kill -9 at every write",
    in: [
      [crashes, "a process is killed while it writes"],
      ["test/kills/kills.test.ts", "lose nothing that was accepted"],
      [`${nats}/store/crash.test.ts`, "TM-181: at any request"],
      [`${lmdb}/damage.test.ts`, "with a torn last page is refused, or read as it was"],
    ],
  },
  {
    row: "bit flip in the middle",
    in: [
      [`${lmdb}/damage.test.ts`, "with one bit flipped anywhere"],
      [`${lmdb}/damage.test.ts`, "at byte \\d+"],
      ["packages/core/test/store/state.test.ts", "TM-202"],
      ["test/durable/stores.test.ts", "a damaged entry loses its messages and nothing else, and is told"],
    ],
  },
  {
    row: "ENOSPC, EIO on fsync",
    in: [
      [`${lmdb}/failures.test.ts`, "gives store_full, loses nothing"],
      [`${lmdb}/failures.test.ts`, "is never taken for one that succeeded"],
      [`${lmdb}/failures.test.ts`, "is told so, however few it may still open"],
      [`${lmdb}/failures.test.ts`, "a read-only mount is store_read_only"],
      ["test/durable/sending.test.ts", "G-76 a failed flush is final"],
    ],
  },
  {
    row: "two processes on one WAL",
    in: [
      [crashes, "a process that lives keeps others out"],
      [`${lmdb}/owner.test.ts`, "TM-205"],
      [`${nats}/store/lock.test.ts`, "TM-180: of a process that was stopped for longer than its lease"],
    ],
  },
  {
    row: "WAL from a newer version",
    in: [
      [`${lmdb}/damage.test.ts`, "is refused as too new, and nothing is changed"],
      [jetStream, "store_too_new of a lock of a later format"],
      ["packages/core/test/store/state.test.ts", "refuses a header of a newer version"],
    ],
  },
  {
    row: "checkpoint claims more",
    in: [
      ["test/durable/recovery.test.ts", "finds a checkpoint that claims more than the marks beside it"],
      [`${patterns}/checkpoints/damage.test.ts`, "is refused: its messages would be handled again"],
    ],
  },
  {
    row: "path traversal",
    in: [
      [`${lmdb}/owner.test.ts`, "is damage, not a path to follow"],
      [`${nats}/store/layout.test.ts`, "takes no name %j"],
      ["test/durable/sending.test.ts", 'forget("../alice")'],
      [`${identity}/authority.test.ts`, '"../x"'],
    ],
  },
  {
    row: "JetStream ack lost",
    in: [
      [`${nats}/store/crash.test.ts`, "when answers and requests are lost all the time"],
      [jetStream, "opens again with the next consumer when the server lost one"],
      [jetStream, "says store_full when the bucket is"],
      [jetStream, "memory storage survives nothing"],
      [jetStream, "refuses a server whose messages are too small"],
    ],
  },
  {
    row: "NATS slow-consumer",
    in: [
      [`${nats}/transport.test.ts`, "one that does not read is disconnected by a real server"],
      [`${nats}/login.test.ts`, "ends with denied when the credentials are taken away"],
      [`${nats}/transport.test.ts`, "a publish that the server refuses later reaches who sent it"],
    ],
  },
  {
    row: "env/config",
    in: [
      ["test/agents/options.test.ts", "options nobody knows, say what there is instead"],
      [`${cli}/profile.test.ts`, "what is not a setting is refused by name"],
      [`${cli}/commands/keygen.test.ts`, "Others may read the private key"],
      [`${cli}/main.test.ts`, "TM-246 does not take a secret"],
      ["packages/simulation/test/checks.test.ts", "in a log"],
    ],
  },
];
