import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { secondsNow, signJwt } from "./provider.js";

/** A trust domain as SPIRE serves it: ES256 JWT-SVIDs with `sub`, `aud`, `exp`, `iat`, and its bundle with the keys of X.509 beside those of JWTs. */
export async function startSpire() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const x509 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = [
    { ...x509.publicKey.export({ format: "jwk" }), use: "x509-svid", x5c: ["AAAA"] },
    { ...publicKey.export({ format: "jwk" }), use: "jwt-svid", kid: "C6vs25welZOx6WksNYfbMfiw9l96pMnD" },
  ];
  const server = createServer((_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys, spiffe_sequence: 12, spiffe_refresh_hint: 300 })),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    bundleUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    svid: (sub: string, aud: string, claims: object = {}): string =>
      signJwt(
        { alg: "ES256", kid: "C6vs25welZOx6WksNYfbMfiw9l96pMnD", typ: "JWT" },
        { sub, aud: [aud], iat: secondsNow(), exp: secondsNow() + 300, ...claims },
        privateKey,
      ),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
