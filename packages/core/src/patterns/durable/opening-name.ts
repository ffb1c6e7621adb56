/** What the two sides of a link say of their stores: `tb/durable`. */
export const openingName = "durable";
