import { TightbeamError } from "@tightbeam/core";

/** What the promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<TightbeamError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TightbeamError) return error;
    throw error;
  }
  throw new Error("It was expected to fail.");
}

/** Until `condition` holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
