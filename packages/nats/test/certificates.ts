import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates {
  /** Paths of PEM files, for the server's configuration. */
  readonly path: (name: string) => string;
  /** PEM text. */
  readonly text: (name: string) => string;
  close(): void;
}

/** Made now, with openssl: two CAs, servers for 127.0.0.1, localhost and another host, and a client; `<name>.pem` and `<name>.key`. */
export function createCertificates(): Certificates {
  const place = mkdtempSync(join(tmpdir(), "tightbeam-certificates-"));
  const path = (name: string): string => join(place, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const ca = (name: string): void =>
    openssl("req", "-x509", ...curve, "-days", "2", "-subj", `/CN=${name}`, "-keyout", path(`${name}.key`), "-out", path(`${name}.pem`));
  const issue = (name: string, by: string, san: string): void => {
    writeFileSync(path(`${name}.ext`), `subjectAltName=${san}\n`);
    openssl("req", "-new", ...curve, "-subj", `/CN=${name}`, "-keyout", path(`${name}.key`), "-out", path(`${name}.csr`));
    const signed = ["-CA", path(`${by}.pem`), "-CAkey", path(`${by}.key`), "-CAcreateserial", "-days", "2", "-extfile", path(`${name}.ext`)];
    openssl("x509", "-req", "-in", path(`${name}.csr`), ...signed, "-out", path(`${name}.pem`));
  };
  ca("ca");
  ca("stranger-ca");
  issue("server", "ca", "IP:127.0.0.1");
  issue("local", "ca", "DNS:localhost");
  issue("elsewhere", "ca", "DNS:elsewhere.example");
  issue("client", "ca", "email:client@example.com");
  issue("stranger", "stranger-ca", "email:stranger@example.com");
  return { path, text: (name) => readFileSync(path(name), "utf8"), close: () => rmSync(place, { recursive: true, force: true }) };
}
