// What WebCrypto's types are called differs: a program for Node alone has no `CryptoKey`, which is the browsers' name, and our declarations must compile there.

/** A key of WebCrypto. */
export type WebCryptoKey = Parameters<typeof globalThis.crypto.subtle.exportKey>[1];

/** What `crypto.subtle.generateKey` makes for signatures. */
export interface WebCryptoKeyPair {
  readonly privateKey: WebCryptoKey;
  readonly publicKey: WebCryptoKey;
}

/** A key in JWK form, as `crypto.subtle.exportKey("jwk", key)` gives it. */
export interface WebJwk {
  readonly kty?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly d?: string | undefined;
  readonly alg?: string | undefined;
  readonly use?: string | undefined;
  readonly ext?: boolean | undefined;
  readonly key_ops?: readonly string[] | undefined;
}

/** The members that make a public key. */
export interface PublicMembers {
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
}

/** How a key is derived. */
export type KeyDerivation = Parameters<typeof globalThis.crypto.subtle.deriveBits>[0];
