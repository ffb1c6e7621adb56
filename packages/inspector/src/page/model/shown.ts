const namesMost = 200;
/** Controls, and the characters that turn the direction of text around or take no room: they would make one name look like another. Halves of characters, too. */
const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** A name that somebody else chose, fit to be shown among others: one line, no longer than `most` (200) characters, with a sign in place of what hides. */
export function shown(text: string, most = namesMost): string {
  const clean = (text.length > most ? `${text.slice(0, most)}…` : text).replaceAll(hidden, "\ufffd");
  return clean === "" ? "(empty)" : clean;
}
