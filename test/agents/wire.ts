import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A wire that can be cut: forwards bytes to a port of this machine, resets every connection when told. */
export async function createWire(to: number) {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  const restore = async (): Promise<void> => {
    server = createServer((near) => {
      const far = connect(to, "127.0.0.1");
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on("error", () => undefined);
        socket.once("close", () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  };
  await restore();
  return {
    get port() {
      return port;
    },
    restore,
    async cut() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
  };
}
