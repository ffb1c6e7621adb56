// With `preserve` it stands in the declarations: whoever compiles for an older library than TypeScript 5.2's finds the symbol all the same.
/// <reference lib="esnext.disposable" preserve="true" />

/** `await using` closes it at the end of the block. */
export type AwaitUsing = AsyncDisposable;

/** What has a `close`, and is closed by `await using`. Where the platform has no such symbol it stays as it is: nobody there can ask for it. */
export function awaitUsing<T extends AwaitUsing & { close(): unknown }>(thing: Omit<T, keyof AwaitUsing>): T {
  const symbol: symbol | undefined = Symbol.asyncDispose;
  if (symbol === undefined) return thing as T;
  return Object.assign(thing, {
    // `this`: what somebody made of it by copying it closes in its own way.
    async [Symbol.asyncDispose](this: T) {
      await this.close();
    },
  }) as unknown as T;
}
