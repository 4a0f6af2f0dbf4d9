import test from 'ava';
import { Command, Option } from 'commander';
import { checkSwitches, tidyEnvironment } from '../../src/cli/environment.js';
import { CtflowError } from '../../src/common/errors.js';

function parsed(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const command = new Command('x')
    .addOption(new Option('--switch').env('CTFLOW_TEST_SWITCH'))
    .addOption(new Option('--value <v>').env('CTFLOW_TEST_VALUE'));
  tidyEnvironment([command], environment);
  const before = { ...process.env };
  Object.assign(process.env, environment);
  try {
    command.parse([], { from: 'user' });
    checkSwitches(command, environment);
    return command.opts();
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

for (const word of ['0', 'false', 'No', 'OFF', '']) {
  test(`a switch whose variable is '${word}' stays off`, t => {
    t.deepEqual(parsed({ CTFLOW_TEST_SWITCH: word }), {});
  });
}

test('a switch whose variable says yes is on, and other values are kept', t => {
  for (const word of ['1', 'TRUE', 'yes', 'on']) {
    t.deepEqual(parsed({ CTFLOW_TEST_SWITCH: word, CTFLOW_TEST_VALUE: '0' }), { switch: true, value: '0' });
  }
});

test('a switch whose variable says neither is a usage error', t => {
  const error = t.throws(() => parsed({ CTFLOW_TEST_SWITCH: 'flase' }), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_USAGE');
  t.is(error.message, "CTFLOW_TEST_SWITCH: 'flase' says neither yes nor no");
});

test('an empty variable is none', t => {
  t.deepEqual(parsed({ CTFLOW_TEST_VALUE: '' }), {});
});

test('variables that no command has are found, but not those of others', t => {
  const environment = {
    CTFLOW_MTO: '1400',
    CTFLOW_COLLECT_COUNT: '1',
    CTFLOW_SETUP: 'no',
    CTFLOW_SERVICE_HOST: '10.0.0.1',
    CTFLOW_PORT_4739_UDP: 'udp://10.0.0.1:4739',
    CTFLOWS: '',
    CTFLOW_VALUE: '1',
  };
  const command = new Command('x').addOption(new Option('--value <v>').env('CTFLOW_VALUE'));
  t.deepEqual(tidyEnvironment([command], environment), ['CTFLOW_MTO', 'CTFLOW_COLLECT_COUNT']);
});
