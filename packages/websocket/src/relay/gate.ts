/** Counts connections that have not logged in, by where they come from, and turns away what is too many. */
export interface Gate {
  readonly size: number;
  /** A place, as the function that gives it back (once), or undefined when there is none. */
  enter(remoteAddress: string | undefined): (() => void) | undefined;
}

export function createGate(perAddress: number, total: number): Gate {
  const counts = new Map<string, number>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    enter(remoteAddress) {
      const source = sourceOf(remoteAddress);
      const count = counts.get(source) ?? 0;
      if (count >= perAddress || size >= total) return undefined;
      counts.set(source, count + 1);
      size += 1;
      let inside = true;
      return () => {
        if (!inside) return;
        inside = false;
        size -= 1;
        const left = (counts.get(source) ?? 1) - 1;
        if (left === 0) counts.delete(source);
        else counts.set(source, left);
      };
    },
  };
}

/** One IPv4 address, or the /64 that one customer of an IPv6 network usually has to himself. */
export function sourceOf(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return "unknown";
  if (remoteAddress.startsWith("::ffff:") && remoteAddress.includes(".")) return remoteAddress.slice("::ffff:".length);
  if (!remoteAddress.includes(":")) return remoteAddress;
  const [head = "", tail] = (remoteAddress.split("%")[0] as string).split("::");
  const left = head === "" ? [] : head.split(":");
  if (tail === undefined) return left.slice(0, 4).join(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
