/** What stands openly in a frame of Tightbeam (docs/protocol.md, sections 4.1, 4.2 and 5): no key is needed to read it, and nothing else can be read. */
export interface OpenFields {
  readonly kind: "hs1" | "hs2" | "hs3" | "data" | "retry" | "presence" | "unknown";
  readonly suite?: string;
  /** Chosen by the receiver, 16 hex digits: it tells sessions apart, and is new with each. */
  readonly session?: string;
  /** Of a session's records, counted up. */
  readonly counter?: number;
  /** Where answers go: it names the initiator of a handshake. */
  readonly replyTo?: string;
  /** Suites the initiator speaks. */
  readonly suites?: readonly string[];
  /** Bytes that are sealed; of a handshake, those of the Noise message. */
  readonly sealed: number;
}

const kinds: Readonly<Record<number, OpenFields["kind"]>> = { 1: "hs1", 2: "hs2", 3: "hs3", 4: "data", 5: "retry", 7: "presence" };
const prefixBytes = 12;
const dataHeaderBytes = 20;

const suiteName = (id: number): string => (id === 0x0101 ? "hybrid" : id === 0x0001 ? "classical" : `0x${id.toString(16).padStart(4, "0")}`);

/** Of anything: what is no frame is `unknown`. */
export function openFields(frame: Uint8Array): OpenFields {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  const first = bytes[0] ?? 0;
  const kind = first >> 4 === 1 ? (kinds[first & 0x0f] ?? "unknown") : "unknown";
  if (kind === "unknown" || kind === "presence" || bytes.length < prefixBytes)
    return { kind: bytes.length < prefixBytes ? "unknown" : kind, sealed: bytes.length };
  const session = bytes.subarray(4, prefixBytes).toString("hex");
  if (kind === "data") {
    if (bytes.length < dataHeaderBytes) return { kind: "unknown", sealed: bytes.length };
    return { kind, session, counter: Number(bytes.readBigUInt64BE(prefixBytes)), sealed: bytes.length - dataHeaderBytes };
  }
  const head = { kind, suite: suiteName(bytes.readUInt16BE(2)), session };
  if (kind === "hs3") return { ...head, sealed: bytes.length - prefixBytes };
  const at = prefixBytes + (kind === "retry" ? 0 : 8);
  const length = bytes.length >= at + 2 ? bytes.readUInt16BE(at) : bytes.length;
  const end = at + 2 + length;
  if (end > bytes.length) return { ...head, sealed: bytes.length - prefixBytes };
  const replyTo = bytes.toString("latin1", at + 2, end);
  if (kind !== "hs1") return { ...head, replyTo, sealed: bytes.length - end };
  const count = bytes[end] ?? 0;
  const after = end + 1 + 2 * count;
  if (after > bytes.length) return { ...head, replyTo, sealed: bytes.length - end };
  const suites = Array.from({ length: count }, (_, index) => suiteName(bytes.readUInt16BE(end + 1 + 2 * index)));
  return { ...head, replyTo, suites, sealed: bytes.length - after };
}
