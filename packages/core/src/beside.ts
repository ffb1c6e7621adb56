/** A value beside an object that other code made, kept in the object itself and seen by nobody else. */
export interface Beside<K extends object, V> {
  get(key: K): V | undefined;
  /** An object that takes nothing more (frozen, sealed) keeps none. */
  set(key: K, value: V): void;
}

/** As a class: its instance is the object it was given, to which a subclass then adds its private field. */
function given(key: object): object {
  return key;
}
const Given = given as unknown as new (key: object) => object;

/** What a WeakMap does, for hot paths: there an entry costs a microsecond, and the collector has to look after it. */
export function createBeside<K extends object, V>(): Beside<K, V> {
  class Holder extends Given {
    #value: V;

    constructor(key: K, value: V) {
      super(key);
      this.#value = value;
    }

    static get(key: K): V | undefined {
      return #value in key ? (key as unknown as Holder).#value : undefined;
    }

    static set(key: K, value: V): void {
      if (#value in key) (key as unknown as Holder).#value = value;
      else if (Object.isExtensible(key)) new Holder(key, value);
    }
  }
  return Holder;
}
