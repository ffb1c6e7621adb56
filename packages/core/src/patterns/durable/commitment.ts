import { TightbeamError } from "../../errors.js";

/** What the handler of one message commits: once, and the message is over only when that is. */
export class Commitment {
  #state: "none" | "pending" | "made" = "none";
  #then: (() => void) | undefined;

  /** It is flushed: the message is handled. */
  get made(): boolean {
    return this.#state === "made";
  }

  get pending(): boolean {
    return this.#state === "pending";
  }

  /** After one that rejected there may be another. */
  make(save: () => Promise<void>): Promise<void> {
    if (this.#state !== "none") return Promise.reject(twice());
    this.#state = "pending";
    return save().then(
      () => this.#end("made"),
      (error: unknown) => {
        this.#end("none");
        throw error;
      },
    );
  }

  /** Called once, when it is no longer pending. */
  afterwards(run: () => void): void {
    this.#then = run;
  }

  #end(state: "none" | "made"): void {
    this.#state = state;
    const run = this.#then;
    this.#then = undefined;
    run?.();
  }
}

const twice = (): TightbeamError =>
  new TightbeamError(
    "invalid_argument",
    "A handler commits once: put what belongs together into one state. What need not go with the mark is kept by agent.checkpoint().",
  );
