import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";

/** The link of a call that may outlive it: always up, and as the newest link of its sender. */
export class Seat implements Link {
  readonly state = "up";
  awaited = 0;
  declines = false;
  link: Link | undefined;

  constructor(link: Link | undefined) {
    this.link = link;
  }

  get #present(): Link {
    if (this.link === undefined) throw new TightbeamError("internal", "A message came on no link.");
    return this.link;
  }

  get peer(): Link["peer"] {
    return this.#present.peer;
  }

  get budget(): Link["budget"] {
    return this.#present.budget;
  }

  clockOffset(): number {
    return this.#present.clockOffset();
  }

  askClock(): void {
    this.#present.askClock();
  }

  send(message: Parameters<Link["send"]>[0]): ReturnType<Link["send"]> {
    return this.#present.send(message);
  }

  offer(message: Parameters<Link["offer"]>[0]): boolean {
    return this.#present.offer(message);
  }

  status(): ReturnType<Link["status"]> {
    return this.#present.status();
  }

  close(code?: Parameters<Link["close"]>[0]): void {
    this.#present.close(code);
  }

  drained(): Promise<void> {
    return this.#present.drained();
  }
}
