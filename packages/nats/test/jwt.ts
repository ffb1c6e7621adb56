import { nkeys } from "@nats-io/transport-node";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A NATS JWT: claims signed with the issuer's nkey. */
function sign(issuer: KeyPair, subject: KeyPair, type: "operator" | "account" | "user", more: object = {}): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    jti: "1",
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: type,
    nats: { type, version: 2, ...more },
  };
  const signed = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** As `nsc generate creds` writes it. */
export const credsFile = (jwt: string, seed: string): string =>
  `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;

/** An operator with one account and its user: the server's configuration and the user's credentials. */
export function createOperator() {
  const [operator, account, user, stranger] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser(), nkeys.createUser()];
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const accountJwt = sign(operator, account, "account", { limits, default_permissions: { pub: {}, sub: {} } });
  const userJwt = sign(account, user, "user", { pub: {}, sub: {}, subs: -1, data: -1, payload: -1 });
  return {
    config: `operator: ${sign(operator, operator, "operator")}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    creds: credsFile(userJwt, text(user.getSeed())),
    /** The user's JWT with somebody else's key. */
    stolen: credsFile(userJwt, text(stranger.getSeed())),
  };
}
