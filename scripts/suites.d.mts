export function browserTests(): string[];
