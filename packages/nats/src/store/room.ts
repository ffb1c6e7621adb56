import type { JetStream } from "./jetstream.js";

/**
 * Keeps room for what must always be possible in a full bucket: removing entries, and carrying over what the log holds.
 * Sizes are what the server counts, estimated between two looks.
 */
export interface Room {
  added(bytes: number): void;
  /** Whether a batch of this size fits twice, in the log and under its own subjects, beside what is in the log already. */
  fits(bytes: number, inLog: number): Promise<boolean>;
  look(): Promise<void>;
}

/** What a message takes beside its body: subject, headers, the server's own. */
export const messageOverheadBytes = 512;

export function createRoom(api: JetStream, maxBytes: number, now: number): Room {
  const reserve = Math.min(1024 * 1024, maxBytes / 8);
  let used = now;
  const look = async (): Promise<void> => {
    used = (await api.info()).bytes;
  };
  const has = (bytes: number): boolean => used + bytes + reserve <= maxBytes;
  return {
    added(bytes) {
      used += bytes + messageOverheadBytes;
    },
    async fits(bytes, inLog) {
      if (maxBytes <= 0 || has(2 * bytes + inLog)) return true;
      await look();
      return has(2 * bytes + inLog);
    },
    look,
  };
}
