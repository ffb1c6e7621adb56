import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Replicas } from "./replicas.js";

export interface SeekOptions {
  readonly runtime: Runtime;
  /** Asks the group so many times who is there. */
  readonly ask: (id: string, times: number, found: (instance: string) => void) => void;
  /** Whether there is a link with this instance, or one is being made. */
  readonly isKnown: (id: string, instance: string) => boolean;
  /** Makes a link with it. */
  readonly dial: (id: string, instance: string) => Promise<unknown>;
}

/**
 * Finds the other instances of an agent while its requests overlap. The medium brings each question to one member of the
 * group, so several are asked at once. Instances that answer and are not known yet are dialled.
 */
export interface Seeker {
  /** Requests to this agent overlap. At most one round in 0.5 s, and in 4 s while nobody new is found. */
  seek(replicas: Replicas): void;
  /** No link of this agent answers: a round of its own, now, and at most one in 0.5 s. */
  seekNow(replicas: Replicas): void;
}

interface Rounds {
  resting: boolean;
  /** There was a round for a dial less than 0.5 s ago. */
  urgent: boolean;
  wait: number;
  dialling: number;
}

export function createSeeker({ runtime, ask, isKnown, dial }: SeekOptions): Seeker {
  const { timers, random } = runtime;
  /** By the agent's live links: forgotten with the last of them. */
  const rounds = new WeakMap<Replicas, Rounds>();

  const meet = (replicas: Replicas, own: Rounds, instance: string): void => {
    if (isKnown(replicas.id, instance) || replicas.links.length + own.dialling >= limits.replicasSought) return;
    own.dialling++;
    const done = (): void => {
      own.dialling--;
    };
    dial(replicas.id, instance).then(() => {
      done();
      // Where there was one more there may be others.
      own.wait = limits.seekMinMs;
      own.resting = false;
    }, done);
  };

  const round = (replicas: Replicas, own: Rounds): void => {
    ask(replicas.id, 2 * Math.min(replicas.links.length, limits.replicasSought) + 2, (instance) => meet(replicas, own, instance));
  };

  const roundsOf = (replicas: Replicas): Rounds => {
    const known = rounds.get(replicas);
    if (known !== undefined) return known;
    const made = { resting: false, urgent: false, wait: limits.seekMinMs, dialling: 0 };
    rounds.set(replicas, made);
    return made;
  };

  return {
    seek(replicas) {
      const own = roundsOf(replicas);
      if (own.resting) return;
      own.resting = true;
      // Spread by a quarter, so that many callers that began together do not ask together for ever.
      const jitter = 1 + (random.bytes(1)[0] as number) / 1_024;
      const rest = (): void => {
        own.resting = false;
      };
      timers.after(Math.round(own.wait * jitter), rest, { background: true });
      own.wait = Math.min(2 * own.wait, limits.seekMaxMs);
      if (replicas.links.length < limits.replicasSought) round(replicas, own);
    },
    seekNow(replicas) {
      const own = roundsOf(replicas);
      if (own.urgent) return;
      own.urgent = true;
      const calm = (): void => {
        own.urgent = false;
      };
      timers.after(limits.seekMinMs, calm, { background: true });
      round(replicas, own);
    },
  };
}
