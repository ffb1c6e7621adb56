/*
 * Numbers both sides must agree on (docs/protocol.md). Changing one changes the protocol. Imported as a namespace (`protocol.tagBytes`):
 * unlike members of an object, bundlers put such numbers where they are used.
 */

export const version = 1;
/** Bytes before the sealed part of a DATA frame; they are its associated data. */
export const dataHeaderBytes = 20;
export const prefixBytes = 12;
export const tagBytes = 16;
export const handshakeFrameMaxBytes = 16 * 1024;
export const tokenMaxBytes = 8 * 1024;
/** Counter bits per key epoch: epoch = counter >> 16. */
export const epochBits = 16;
/** Hard stop of a session's counter. */
export const counterMax = 2 ** 48;
export const replayWindow = 4_064;
export const epochsAhead = 64;
/** A payload of 16 KiB and the header of its envelope; still less than the smallest frame of any transport. */
export const cellMaxBytes = 17 * 1024;
export const cellHeaderBytes = 4;
export const laneCount = 4;
/** Largest window of unacknowledged cells on one link: bytes and cells. A payload of 1 MiB goes in it with its envelope and its cells. */
export const windowMaxBytes = 1056 * 1024;
export const windowMaxCells = 4_096;
/** The part of the window kept for control messages and the critical lane. */
export const windowReserveBytes = 64 * 1024;
export const windowReserveCells = 256;
/** Intake credit of the critical lane, beside the announced one of the others: a large message that uses that up does not hold a critical one. */
export const criticalIntakeCount = 256;
export const criticalIntakeBytes = 1024 * 1024;
/** What an event takes of the credit for events, beside its bytes. */
export const eventCost = 64;
export const cookieBytes = 52;
export const cookieValidMs = 60_000;
/** Versions of contracts: in a name on the wire at most nine digits. */
export const contractVersionMax = 999_999_999;
