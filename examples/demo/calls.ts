// Calls between the presenter and its child processes, over the channel that `fork` makes.

type Message =
  | { readonly call: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly reply: number; readonly value?: unknown; readonly error?: string };

/** A ChildProcess, or `process` in a child. */
export interface Channel {
  send?(message: unknown): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
}

export type Handlers = Record<string, (...args: never[]) => unknown>;

export interface Calls {
  call<Result>(name: string, ...args: readonly unknown[]): Promise<Result>;
  /** The other side as an object: each method is a call. */
  remote<Other>(names: readonly (keyof Other & string)[]): Other;
  /** Rejects what is pending. */
  end(error: Error): void;
}

/** `handlers` may grow later on. */
export function createCalls(channel: Channel, handlers: Handlers = {}): Calls {
  const pending = new Map<number, { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }>();
  let ended: Error | undefined;
  let next = 1;
  const send = (message: Message): void => void channel.send?.(message);

  async function serve(id: number, name: string, args: readonly unknown[]): Promise<void> {
    try {
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
      if (handler === undefined) throw new Error(`Nothing answers '${name}' here.`);
      send({ reply: id, value: await handler(...(args as never[])) });
    } catch (error) {
      send({ reply: id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  channel.on("message", (raw) => {
    const message = raw as Message;
    if ("call" in message) return void serve(message.call, message.name, message.args);
    const waiter = pending.get(message.reply);
    pending.delete(message.reply);
    if (message.error === undefined) waiter?.resolve(message.value as never);
    else waiter?.reject(new Error(message.error));
  });

  const calls: Calls = {
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        const id = next++;
        pending.set(id, { resolve, reject });
        send({ call: id, name, args });
      }),
    remote: <Other>(names: readonly (keyof Other & string)[]) =>
      Object.fromEntries(names.map((name) => [name, (...args: unknown[]) => calls.call(name, ...args)])) as Other,
    end(error) {
      ended ??= error;
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    },
  };
  return calls;
}
