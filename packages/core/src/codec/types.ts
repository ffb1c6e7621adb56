/** A payload as it travels: JSON text in UTF-8, or the application's own bytes untouched. */
export interface EncodedPayload {
  readonly kind: "json" | "bytes";
  readonly bytes: Uint8Array;
}
