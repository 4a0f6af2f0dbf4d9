const BEGIN = '<!-- Written by `npm run bench:targets`; what is typed in here is lost. -->';
const END = '<!-- End of what `npm run bench:targets` writes. -->';
const EMPTY = `# What was measured

ctflow is held to these figures: native, ratios within one run, medians over its turns.

${BEGIN}
${END}
`;

/** The page with the table between its two marks, and the rest as it was. @throws where the page has no marks */
export function insert(page: string, table: string): string {
  const text = page === '' ? EMPTY : page;
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from)
    throw new Error(`the page lacks the marks between which the table stands: ${BEGIN} ${END}`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${table}\n${text.slice(to)}`;
}
