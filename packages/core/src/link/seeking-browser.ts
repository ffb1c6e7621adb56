import { onDemand } from "../on-demand.js";
import type { Replicas } from "./replicas.js";
import type { Seeker, SeekOptions } from "./seek.js";

const loadSeeker = onDemand(() => import("./seek.js"));

/** seeking.ts for bundles that run in browsers. What asks while it is loaded asks in vain, except for the first: whoever still needs others asks again. */
export function createSeeking(options: SeekOptions, load = loadSeeker): Seeker {
  let seeker: Seeker | undefined;
  let loading = false;

  const use = (how: keyof Seeker, replicas: Replicas): void => {
    if (seeker !== undefined) return seeker[how](replicas);
    if (loading) return;
    loading = true;
    load().then(
      ({ createSeeker }) => {
        seeker = createSeeker(options);
        if (replicas.links.length > 0) seeker[how](replicas);
      },
      () => {
        loading = false;
      },
    );
  };
  return { seek: (replicas) => use("seek", replicas), seekNow: (replicas) => use("seekNow", replicas) };
}
