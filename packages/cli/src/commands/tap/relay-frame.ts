/** A frame of the relay protocol (packages/websocket/docs/relay-protocol.md), as far as it says what it is. */
export interface RelayFrame {
  readonly name: string;
  /** Names a subscription: a MSG has it in place of an address. */
  readonly request: number;
  readonly address: string;
  /** SEND and MSG: a frame of Tightbeam. */
  readonly body: Buffer;
}

const names = ["", "CHALLENGE", "LOGIN", "WELCOME", "RENEW", "SUB", "SUBOK", "UNSUB", "SEND", "MSG", "ERR", "PING", "PONG", "DROPPED"];
const headerBytes = 7;

/** Undefined for what is none. */
export function readRelayFrame(message: Buffer): RelayFrame | undefined {
  const name = names[message[0] ?? 0];
  if (name === undefined || name === "" || message.length < headerBytes) return undefined;
  const end = headerBytes + message.readUInt16BE(headerBytes - 2);
  if (end > message.length) return undefined;
  return { name, request: message.readUInt32BE(1), address: message.toString("latin1", headerBytes, end), body: message.subarray(end) };
}
