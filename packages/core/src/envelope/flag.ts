// Flags of an envelope on the wire: layout.ts says what each means.

export const correlation = 0x01;
export const ttl = 0x02;
export const name = 0x04;
export const headers = 0x08;
export const idempotencyKey = 0x10;
export const retryAfter = 0x20;
export const payload = 0x40;
export const rawPayload = 0x80;
/** 0x0100 and 0x0200 are the priority. */
export const durable = 0x400;
