import { allEntries, type CommandEntry } from './entries.js';

/** A completion for bash. It wants nothing of the package bash-completion. */
export function bashCompletion(program: CommandEntry): string {
  const entries = allEntries(program);
  const paths = entries.map(({ path }) => path.join(' ')).filter(path => path !== '');
  return `# bash completion of ctflow
_ctflow() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} path= flags= words= files= i
  COMPREPLY=()
  # bash splits --flag=value at the sign
  if [[ $word == '=' ]]; then
    word=
  elif [[ $before == '=' ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
${paths.map(path => `      '${path}') path='${path}' ;;`).join('\n')}
    esac
  done
  case "$path $before" in
${entries.map(values).join('')}  esac
  case $path in
${entries.map(choices).join('\n')}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    [[ -z $files ]] || _ctflow_files
  fi
}

_ctflow_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
}

complete -F _ctflow ctflow
`;
}

/** The branches of flags that want a value. */
function values({ path, flags }: CommandEntry): string {
  const branch = (names: string[], action: string): string =>
    names.length === 0 ? '' : `    ${names.join(' | ')}) ${action}return ;;\n`;
  const pattern = (name: string): string => `'${path.join(' ')} ${name}'`;
  const wanting = flags.filter(({ wantsValue }) => wantsValue);
  const chosen = wanting.filter(({ choices }) => choices.length > 0);
  const files = wanting.filter(({ choices, takesFile }) => choices.length === 0 && takesFile);
  const others = wanting.filter(({ choices, takesFile }) => choices.length === 0 && !takesFile);
  return [
    ...chosen.map(({ name, choices }) =>
      branch([pattern(name)], `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word")); `),
    ),
    branch(
      files.map(({ name }) => pattern(name)),
      '_ctflow_files; ',
    ),
    branch(
      others.map(({ name }) => pattern(name)),
      '',
    ),
  ].join('');
}

function choices({ path, flags, subcommands, words, takesFile }: CommandEntry): string {
  const names = flags.flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]));
  const next = [...subcommands.map(({ path }) => path.at(-1)!), ...words];
  const files = takesFile ? ' files=1' : '';
  return `    '${path.join(' ')}') flags='${names.join(' ')}' words='${next.join(' ')}'${files} ;;`;
}
