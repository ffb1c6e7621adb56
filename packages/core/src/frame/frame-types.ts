// The low four bits of a frame's first byte.

export const hs1 = 1;
export const hs2 = 2;
export const hs3 = 3;
export const data = 4;
export const retry = 5;
