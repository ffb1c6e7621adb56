// Cells are what a DATA plaintext is made of: `type u8 | flags u8 | length u16 | body`, then zero padding. docs/protocol.md, section 6.

export const padding = 0;
export const msg = 1;
export const ack = 2;
export const done = 3;
export const credit = 4;
export const ping = 5;
export const pong = 6;
export const ready = 7;
export const close = 8;
