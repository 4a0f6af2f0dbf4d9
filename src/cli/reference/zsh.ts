import { allEntries, type CommandEntry, type FlagEntry } from './entries.js';

/** A completion for zsh. */
export function zshCompletion(program: CommandEntry): string {
  return `#compdef ctflow
# zsh completion of ctflow
${allEntries(program).map(one).join('\n')}
if [[ $funcstack[1] == _ctflow ]]; then
  _ctflow "$@"
else
  compdef _ctflow ctflow
fi
`;
}

/** The function of one command. */
function one({ path, flags, subcommands, args, words, takesFile }: CommandEntry): string {
  const specs = flags.flatMap(specsOf).map(quote);
  const names = subcommands.map(({ path }) => path.at(-1)!);
  const files = takesFile ? '_files' : ' ';
  if (names.length > 0) specs.push(`'1:command:->command'`, `'*::argument:->argument'`);
  else if (words.length > 0) specs.push(quote(`1:${args[0].form}:(${words.join(' ')})`));
  else if (args.length > 0) specs.push(quote(`${args[0].form.includes('...') ? '*' : '1'}:${args[0].form}:${files}`));
  const descriptions = subcommands.map(({ path, description }) => quote(`${path.at(-1)!}:${escape(description)}`));
  const lines = [
    `${nameOf(path)}() {`,
    '  local curcontext=$curcontext state line',
    '  local -A opt_args',
    `  _arguments -C \\\n    ${specs.join(' \\\n    ')} && return`,
  ];
  if (names.length > 0)
    lines.push(
      '  case $state in',
      '    command)',
      `      local -a commands=(\n        ${descriptions.join('\n        ')}\n      )`,
      "      _describe -t commands 'command' commands",
      ...(takesFile ? ['      _files'] : []),
      '      ;;',
      '    argument)',
      '      case $line[1] in',
      ...names.map(name => `        ${name}) ${nameOf([...path, name])} ;;`),
      '      esac',
      '      ;;',
      '  esac',
    );
  return [...lines, '}', ''].join('\n');
}

function nameOf(path: readonly string[]): string {
  return ['_ctflow', ...path].join('_');
}

/** A flag as _arguments has it: it may be given several times, but for the help, which goes alone. */
function specsOf({ name, short, form, text, choices, wantsValue, takesFile }: FlagEntry): string[] {
  const described = `[${escape(text)}]`;
  if (short !== undefined) return [`(- *)${short}${described}`, `(- *)${name}${described}`];
  if (!wantsValue) return [`*${name}${described}`];
  const value = choices.length > 0 ? `(${choices.join(' ')})` : takesFile ? '_files' : ' ';
  return [`*${name}=${described}:${form.slice(1, -1).replaceAll(':', '\\:')}:${value}`];
}

/** Without what _arguments and _describe would read in a text. */
function escape(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
