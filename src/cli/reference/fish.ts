import { allEntries, type CommandEntry, type FlagEntry } from './entries.js';

/** A completion for fish. */
export function fishCompletion(program: CommandEntry): string {
  const entries = allEntries(program);
  const paths = entries.map(({ path }) => path.join(' ')).filter(path => path !== '');
  return `# fish completion of ctflow
function __ctflow_at --description 'whether the words before the cursor are those of this command'
    set -l at
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim "$at $word")
        contains -- $longer ${paths.map(quote).join(' ')}; and set at $longer
    end
    test "$at" = "$argv"
end

complete -c ctflow -f
${entries.flatMap(lines).join('\n')}
`;
}

function lines({ path, flags, subcommands, words, takesFile }: CommandEntry): string[] {
  const start = `complete -c ctflow -n ${quote(`__ctflow_at ${path.join(' ')}`.trim())}`;
  return [
    ...subcommands.map(({ path, description }) => `${start} -a ${path.at(-1)!} -d ${quote(description)}`),
    ...(words.length > 0 ? [`${start} -a ${quote(words.join(' '))}`] : []),
    ...(takesFile ? [`${start} -F`] : []),
    ...flags.map(flag => `${start} ${options(flag)} -d ${quote(flag.text)}`),
  ];
}

function options({ name, short, choices, wantsValue, takesFile }: FlagEntry): string {
  const names = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${name.slice(2)}`;
  if (!wantsValue) return names;
  if (choices.length > 0) return `${names} -x -a ${quote(choices.join(' '))}`;
  return `${names} ${takesFile ? '-r -F' : '-x'}`;
}

/** A text in single quotes, as fish has them. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
