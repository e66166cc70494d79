// Makes text from guests and tenants harmless for a terminal: a host name must not move the cursor or hide itself.

/** Control characters (C0, DEL, C1), and those that reorder, join or hide the text around them. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function code(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The text with everything a terminal would obey written as \uXXXX. */
export function printable(text: string): string {
  return text.replace(UNSAFE, code);
}

/** JSON that means the same and is harmless too: JSON.stringify leaves C1 and direction marks as they are. */
export function safeJson(value: unknown, indent?: number): string {
  // Line breaks can only be those of the indentation: inside strings JSON has escaped them.
  return JSON.stringify(value ?? null, null, indent).replace(UNSAFE, (found) =>
    found === '\n' ? found : code(found),
  );
}
