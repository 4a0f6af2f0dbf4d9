import test from 'ava';
import type { Option } from 'commander';
import { benchCommand, scopeCommand } from '../../bench/flags.js';
import { runProgram } from './run.js';

for (const command of [benchCommand(), scopeCommand('bench:profile', 'profiles', [1400])]) {
  const options: readonly Option[] = command.options.filter(({ required }) => required);
  for (const { long, defaultValue, defaultValueDescription, parseArg } of options) {
    if (defaultValue === undefined || !parseArg) continue;
    test(`${command.name()} ${long}: the default in the help can be written`, t => {
      t.deepEqual(parseArg(defaultValueDescription ?? String(defaultValue), undefined as never), defaultValue);
    });
  }
}

for (const [program, args, said] of [
  ['main', ['--time', '5'], "bench: --time: '5' is not a duration. Write a duration from 0s to 1h"],
  ['main', ['--samples', '0'], "bench: --samples: '0' is out of range. Write a whole number from 1 to 100000"],
  ['main', ['--only', 'dump,dum'], "bench: --only: 'dum' is not a choice. Allowed choices are dump, "],
  ['peers/main', ['--mtu', 'x'], "bench:peers: --mtu: 'x' is out of range. Write a whole number from 512 to 65535"],
  ['soak/main', ['--traffic', '2'], "bench:soak: --traffic: '2' is out of range. Write a share from 0 to 1"],
  [
    'profile/main',
    ['--backend', 'rust'],
    "bench:profile: --backend: 'rust' is not a choice. Allowed choices are native",
  ],
  [
    'ab/main',
    ['HEAD', '--pairs', '6'],
    "bench:ab: --pairs: '6' is too few: with 6 rows held together p < 0.05 cannot be reached. Write a whole number from 7 to 300",
  ],
  ['ab/main', ['nosuch'], "bench:ab: CTFLOW_USAGE: 'nosuch' is not a commit"],
  ['targets/main', [], "bench:targets: missing required argument 'files'"],
] as const) {
  test(`a usage error has exit code 2: ${program} ${args.join(' ')}`, async t => {
    const { code, stdout, stderr } = await runProgram(program, args);
    t.is(code, 2);
    t.is(stdout, '');
    t.true(stderr.startsWith(said), stderr);
  });
}
