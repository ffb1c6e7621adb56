/** What an issuer may sign tokens with. Never `none`. */
export type PublicTokenAlgorithm = "EdDSA" | "Ed25519" | "ES256" | "ES384" | "ES512" | "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512";
export type TokenAlgorithm = PublicTokenAlgorithm | "HS256";

interface Description {
  readonly kty: "OKP" | "EC" | "RSA";
  readonly crv?: string;
  readonly parameters: { readonly name: string; readonly namedCurve?: string; readonly hash?: string };
}

const ecdsa = (crv: string): Description => ({ kty: "EC", crv, parameters: { name: "ECDSA", namedCurve: crv } });
const rsa = (name: string, hash: string): Description => ({ kty: "RSA", parameters: { name, hash } });
const ed25519: Description = { kty: "OKP", crv: "Ed25519", parameters: { name: "Ed25519" } };

/** RFC 7518, 8037 and 9864, in terms of WebCrypto's importKey. */
export const algorithms: Readonly<Record<PublicTokenAlgorithm, Description>> = {
  EdDSA: ed25519,
  Ed25519: ed25519,
  ES256: ecdsa("P-256"),
  ES384: ecdsa("P-384"),
  ES512: ecdsa("P-521"),
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  PS384: rsa("RSA-PSS", "SHA-384"),
  PS512: rsa("RSA-PSS", "SHA-512"),
};

export const publicAlgorithms: readonly PublicTokenAlgorithm[] = Object.freeze(Object.keys(algorithms) as PublicTokenAlgorithm[]);

export const isPublicAlgorithm = (value: unknown): value is PublicTokenAlgorithm => typeof value === "string" && Object.hasOwn(algorithms, value);
