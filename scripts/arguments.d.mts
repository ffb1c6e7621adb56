import type { ParseArgsConfig, parseArgs } from "node:util";

export function refuse(usage: string, wrong: string): never;
export function readArguments<const T extends ParseArgsConfig>(usage: string, config?: T): ReturnType<typeof parseArgs<T>>;
export function readNumbers<Name extends string>(usage: string, defaults: Readonly<Record<Name, number>>): Record<Name, number>;
export function readWhole(usage: string, name: string, text: string | number): number;
