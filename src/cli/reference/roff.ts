/** A text without what groff would read in it. */
export function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll(/[^\n -~]/g, letter => `\\[u${letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`)
    .replaceAll(/^\./gm, '\\&.');
}

export function bold(text: string): string {
  return `\\fB${escape(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${escape(text)}\\fR`;
}

/** Something and what it means. @param term in roff */
export function item(term: string, text: string): string[] {
  return ['.TP', term, escaped(text)];
}

/** Paragraphs, with an empty line between them; a word with a colon at the beginning of a line begins one, too. */
export function prose(text: string): string[] {
  return text
    .trim()
    .split(/\n\n|\n(?=[A-Z][A-Za-z]*: )/)
    .flatMap(paragraph => ['.PP', escaped(paragraph)]);
}

/** Lines as they are. */
export function example(lines: readonly string[]): string[] {
  return ['.PP', '.RS 4', '.EX', ...lines.map(escape), '.EE', '.RE'];
}

/** `.BR ctflow\-run (1),` for each. */
export function seeAlso(pages: readonly string[]): string[] {
  const lines = pages.map(page => `.BR ${escape(page).replace(/\((\d)\)$/, ' ($1)')}`);
  return ['.SH SEE ALSO', ...lines.map((line, i) => (i < lines.length - 1 ? `${line},` : line))];
}

/** A heading in quotes, as it may have spaces. */
export function heading(macro: string, text: string): string {
  return `${macro} "${escape(text)}"`;
}

/** What stands in `code` is bold. */
function escaped(text: string): string {
  const parts = text.split(/`([^`]*)`/);
  return parts.map((part, i) => (i % 2 === 0 ? escape(part) : bold(part))).join('');
}
