const mark = (command: string): [begin: string, end: string] => [
  `<!-- Written by \`npm run ${command}\`; what is typed in here is lost. -->`,
  `<!-- End of what \`npm run ${command}\` writes. -->`,
];
const EMPTY = `# What was measured

ctflow is held to these figures: native, ratios within one run, medians over its turns.

${mark('bench:targets').join('\n')}
`;

/**
 * The page with the table between the two marks of a command, and the rest as it was.
 * @throws where the page has no marks
 */
export function insert(page: string, table: string, command = 'bench:targets'): string {
  const [begin, end] = mark(command);
  const text = page === '' ? EMPTY : page;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`the page lacks the marks between which the table stands: ${begin} ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${table}\n${text.slice(to)}`;
}
