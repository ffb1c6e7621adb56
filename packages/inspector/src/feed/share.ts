export interface Share {
  /** 0 to 1. */
  readonly now: number;
  /** So many messages moved since the last batch. */
  told(count: number, watched: boolean): void;
}

/** Which part of the messages is looked at, so that about as many as there is room for move from one batch to the next. */
export function createShare(room: number): Share {
  let share = 1;
  let watched = true;
  return {
    get now() {
      return watched ? share : 0;
    },
    told(count, isWatched) {
      watched = isWatched;
      if (!isWatched) return;
      // Down at once, and up slowly: what is looked at is made, sent and drawn.
      if (count > room) share = Math.max(0.000_1, (share * room * 0.8) / count);
      else if (count < room * 0.6) share = Math.min(1, share * 1.3);
    },
  };
}
