/** Finds out that the other side is gone without a word. `tick` comes twice in each heartbeat interval, so a silent peer is given up within two intervals. */
export interface Liveness {
  /** Anything arrived. Cheap enough for every message. */
  heard: boolean;
  tick(): void;
}

export function createLiveness(ask: () => void, gone: () => void): Liveness {
  let asked = false;
  const self: Liveness = {
    heard: true,
    tick() {
      if (self.heard) {
        self.heard = false;
        asked = false;
      } else if (asked) gone();
      else {
        asked = true;
        ask();
      }
    },
  };
  return self;
}
