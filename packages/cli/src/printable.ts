/** Controls but tab and line feed, line and paragraph separators, and what turns the direction of text around. */
const harmful = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Text of others, as a terminal may see it: no escape sequence gets through, and none can overwrite what stands before it. Of JSON it is the same JSON. */
export const printable = (text: string): string => text.replace(harmful, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** The same within a line: what others wrote cannot begin one, which would look like one of ours. */
export const oneLine = (text: string): string => printable(text).replaceAll("\n", "\\n");
