// Flags of MSG and DONE cells, the lane in bits 0-1.

export const laneMask = 0x03;
export const first = 0x04;
export const last = 0x08;
export const abort = 0x10;
/** The message counts against intake credit (request, notification, event). On the first fragment. */
export const intake = 0x20;
/** The sender waits for DONE. On the first fragment. */
export const wantsDone = 0x40;
