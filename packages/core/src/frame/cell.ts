/** Cells: what a DATA plaintext is made of. `type u8 | flags u8 | length u16 | body`, then zero padding. docs/protocol.md, section 6. */
export const cellType = {
  padding: 0,
  msg: 1,
  ack: 2,
  done: 3,
  credit: 4,
  ping: 5,
  pong: 6,
  ready: 7,
  close: 8,
} as const;

/** MSG and DONE: lane in bits 0-1. */
export const msgFlag = {
  laneMask: 0x03,
  first: 0x04,
  last: 0x08,
  abort: 0x10,
  /** The message counts against intake credit (request, notification, event). On the first fragment. */
  intake: 0x20,
  /** The sender waits for DONE. On the first fragment. */
  wantsDone: 0x40,
} as const;

/** READY: bit 0 set = the link continues, clear = it is new. Body: SHA-256(payload of message 3) || LINK value. */
export const readyFlag = { continued: 0x01 } as const;
