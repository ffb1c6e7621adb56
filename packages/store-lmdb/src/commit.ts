/**
 * The outcome of an LMDB commit: whether its condition held. Rejects with why it failed, which LMDB keeps in a second promise: one that nobody
 * listens to would end the process.
 */
export async function commit(pending: Promise<boolean>): Promise<boolean> {
  try {
    return await pending;
  } catch (error) {
    await (error as { commitError?: Promise<unknown> }).commitError;
    throw error;
  }
}
