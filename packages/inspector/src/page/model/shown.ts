const namesMost = 200;
/** Controls, and the characters that turn the direction of text around or take no room: they would make one name look like another. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A name that somebody else chose, fit to be shown among others: one line, no longer than `most` (200) characters, with a sign in place of what hides. */
export function shown(text: string, most = namesMost): string {
  const clean = (text.length > most ? `${text.slice(0, most)}…` : text).replaceAll(hidden, "\ufffd");
  return clean === "" ? "(empty)" : clean;
}
