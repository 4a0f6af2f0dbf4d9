import test from 'ava';
import { Command, Option } from 'commander';
import { dropDisabledSwitches } from '../../src/cli/environment.js';

const parsed = (environment: NodeJS.ProcessEnv): Record<string, unknown> => {
  const command = new Command('x')
    .addOption(new Option('--switch').env('CTFLOW_TEST_SWITCH'))
    .addOption(new Option('--value <v>').env('CTFLOW_TEST_VALUE'));
  dropDisabledSwitches([command], environment);
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    return command.parse([], { from: 'user' }).opts();
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, before);
  }
};

for (const word of ['0', 'false', 'No', 'OFF', '']) {
  test(`a switch whose variable is '${word}' stays off`, t => {
    t.deepEqual(parsed({ CTFLOW_TEST_SWITCH: word }), {});
  });
}

test('a switch whose variable says yes is on, and other values are kept', t => {
  t.deepEqual(parsed({ CTFLOW_TEST_SWITCH: '1', CTFLOW_TEST_VALUE: '0' }), { switch: true, value: '0' });
});
