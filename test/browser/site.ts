import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const html = `<!doctype html><meta charset="utf-8"><title>Tightbeam</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;

/** Serves one page and its script on 127.0.0.1, under an origin of its own, with a policy that lets it connect anywhere and run nothing else. */
export async function createSite(script: string) {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.writeHead(200, {
      "Content-Type": isScript ? "text/javascript" : "text/html",
      "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src ws://127.0.0.1:*; img-src data:",
    });
    response.end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
