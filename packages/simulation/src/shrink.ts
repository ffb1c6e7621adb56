/** Runs at most, so that a failure is told in time. */
const triesMax = 150;

/**
 * A smaller list with which it still fails: delta debugging (Zeller and Hildebrandt, 2002). Tries halves, then what is left without each part,
 * then smaller parts, until no single one can be left out, or the tries are used up.
 */
export async function shrink<T>(list: readonly T[], fails: (part: readonly T[]) => Promise<boolean>, tries = triesMax): Promise<readonly T[]> {
  let left = tries;
  const still = async (part: readonly T[]): Promise<boolean> => left-- > 0 && (await fails(part));
  let current = list;
  if (current.length > 0 && (await still([]))) return [];
  for (let parts = 2; current.length > 1 && left > 0; ) {
    const size = Math.ceil(current.length / parts);
    const chunks = Array.from({ length: Math.ceil(current.length / size) }, (_, index) => current.slice(index * size, (index + 1) * size));
    const next = await smaller(chunks, still);
    if (next !== undefined) {
      parts = next.length < current.length / 2 ? 2 : Math.max(2, parts - 1);
      current = next;
    } else if (size === 1) break;
    else parts = Math.min(parts * 2, current.length);
  }
  return current;
}

async function smaller<T>(chunks: readonly (readonly T[])[], fails: (part: readonly T[]) => Promise<boolean>): Promise<readonly T[] | undefined> {
  for (const chunk of chunks) if (chunks.length > 1 && (await fails(chunk))) return chunk;
  for (let index = 0; chunks.length > 2 && index < chunks.length; index++) {
    const rest = chunks.filter((_, other) => other !== index).flat();
    if (await fails(rest)) return rest;
  }
  return undefined;
}
