// Types of the TLVs in the payloads of handshake messages 2 and 3. docs/protocol.md, section 4.

export const token = 0x01;
export const sessionId = 0x02;
export const suites = 0x03;
export const time = 0x04;
export const limits = 0x05;
export const jwk = 0x06;
export const instance = 0x07;
export const link = 0x08;
export const proof = 0xff;
