import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ctflowProgram } from '../../../src/cli/program.js';
import { SHELLS } from '../../../src/cli/reference/completion.js';
import { allEntries, entryOf } from '../../../src/cli/reference/entries.js';
import { ctflow } from '../../helpers/kernel/cli.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

const PROGRAM = entryOf(ctflowProgram());

/** What a shell offers for a line, in the order of the alphabet; the last word of the line is completed. */
type Offers = readonly (readonly [line: string, offered: readonly string[]])[];

/** Lines, and what must be offered; those of flags are made of the commands themselves. @param folder with a file `one.yaml` */
function expected(folder: string): Offers {
  const flags = allEntries(PROGRAM).map(({ path, flags }): [string, string[]] => [
    ['ctflow', ...path, '--'].join(' '),
    flags.map(({ name }) => name).sort(),
  ]);
  return [
    ...flags,
    ['ctflow ', PROGRAM.subcommands.map(({ path }) => path[0]).sort()],
    ['ctflow sta', ['status']],
    ['ctflow config ', ['check', 'example', 'print']],
    ['ctflow record du', ['dump']],
    ['ctflow record --count 3 du', ['dump']],
    ['ctflow completion ', ['bash', 'fish', 'zsh']],
    ['ctflow dump --fil', ['--filter']],
    ['ctflow run --profile ', ['antrea', 'nat', 'standard']],
    ['ctflow run --zone 7 --profile a', ['antrea']],
    ['ctflow config check --exclude-self o', ['off', 'on']],
    ['ctflow run --zone ', []],
    [`ctflow collect ${folder}/on`, ['one.yaml']],
    [`ctflow run --config ${folder}/on`, ['one.yaml']],
  ];
}

/** @param write gives the command that writes what the shell offers for each line into `offered` of its folder */
function compare(
  t: ExecutionContext,
  shell: string,
  write: (folder: string, lines: readonly string[]) => readonly [program: string, ...args: string[]],
): void {
  const folder = temporaryPath(t, 'completion');
  mkdirSync(folder);
  writeFileSync(join(folder, 'one.yaml'), '');
  writeFileSync(join(folder, '_ctflow'), SHELLS[shell](PROGRAM));
  const wanted = expected(folder);
  const [program, ...args] = write(
    folder,
    wanted.map(([line]) => line),
  );
  const env = { ...process.env, HOME: folder, ZDOTDIR: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
  const { status, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', env, timeout: 60_000 });
  t.is(stderr, '');
  t.is(status, 0);
  const answers = new Map<string, Set<string>>();
  for (const text of readFileSync(join(folder, 'offered'), 'utf8').split('\n')) {
    if (text.startsWith('> ')) answers.set(text.slice(2), new Set());
    else if (text !== '') [...answers.values()].at(-1)!.add(basename(text.trim()));
  }
  t.deepEqual(
    [...answers].map(([line, offered]) => [line, [...offered].sort()]),
    wanted.map(([line, offered]) => [line, [...offered]]),
  );
}

const quoted = (lines: readonly string[]): string => lines.map(line => `'${line}'`).join(' ');

needs(test, ['bash'])('bash completes every command and flag, values and files', t => {
  compare(t, 'bash', (_, lines) => [
    'bash',
    '--norc',
    '-c',
    `. ./_ctflow
    for line in ${quoted(lines)}; do
      read -ra COMP_WORDS <<<"$line"
      [[ $line == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _ctflow
      printf '> %s\\n' "$line"
      printf '%s\\n' "\${COMPREPLY[@]}"
    done >offered
    # as bash splits --profile=a
    COMP_WORDS=(ctflow run --profile = a) COMP_CWORD=4
    _ctflow
    [[ \${COMPREPLY[*]} == antrea ]] && [[ $(complete -p ctflow) == *' -F _ctflow ctflow' ]]`,
  ]);
});

needs(test, ['fish'])('fish completes every command and flag, values and files', t => {
  compare(t, 'fish', (_, lines) => [
    'fish',
    '--no-config',
    '-c',
    `source ./_ctflow
    for line in ${quoted(lines)}
      echo "> $line"
      complete -C $line | string replace -r '\\t.*' ''
    end >offered
    true`,
  ]);
});

needs(test, ['zsh'])('zsh completes every command and flag, values and files', t => {
  compare(t, 'zsh', (folder, lines) => {
    // only the line editor completes: it asks for each line when it begins, and keeps what is added
    const settings = `
fpath=(${folder} $fpath)
autoload -Uz compinit && compinit -D -u
LISTMAX=1000
compadd() {
  local -a hits
  if (( ! \${@[1,(i)(-|--)][(I)-[OAD]]} )); then
    builtin compadd -O hits "$@"
    print -lr -- $hits >>${folder}/offered
  fi
  builtin compadd "$@"
}
zle -C probe list-choices _main_complete
all() {
  local line
  for line in ${quoted(lines)}; do
    print -r -- "> $line" >>${folder}/offered
    BUFFER=$line CURSOR=$#line
    zle probe
  done
  exit
}
zle -N zle-line-init all
`;
    writeFileSync(join(folder, '.zshrc'), settings);
    return [
      'zsh',
      '-f',
      '-c',
      `zmodload zsh/zpty; zpty inner 'zsh -d -i'; while zpty -r inner text; do :; done; zpty -d`,
    ];
  });
});

test('what is printed is what the tests read, and another shell is refused', async t => {
  const { code, stdout } = await ctflow(['completion', 'fish']);
  t.is(code, 0);
  t.is(stdout, SHELLS['fish'](PROGRAM));
  const { code: refused, stderr } = await ctflow(['completion', 'tcsh']);
  t.is(refused, 2);
  t.regex(stderr, /'tcsh' is invalid.*bash, zsh, fish/);
});
