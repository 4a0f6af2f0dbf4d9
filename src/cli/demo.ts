import { Command } from 'commander';
import { runDemo } from './demo/demo.js';
import { duration, onOff } from '../config/kind.js';
import { addSettings } from '../config/options.js';
import { defaulted } from '../config/setting.js';
import { backendSetting } from '../config/source-settings.js';

const demoSettings = {
  duration: defaulted('', duration('3s', '1h'), 15_000, 'duration of the run, 3s to 1h'),
  json: defaulted('', onOff(), false, 'print only the report, as one JSON object'),
  ...backendSetting,
};

interface DemoFlags {
  backend: 'auto' | 'native' | 'fallback';
  duration: number;
  json: boolean;
}

/** `ctflow demo` */
export function demoCommand(): Command {
  return addSettings(new Command('demo'), demoSettings)
    .description('show ctflow at work: real traffic in a private network namespace, exported, collected and checked')
    .addHelpText(
      'after',
      `
Needs no root where user namespaces are allowed. Where no namespace can be made, a recording is played instead.
Octets and packets of both directions are compared with those that the loopback device counted; the exit code is 1 where
they differ.

Examples:
  $ ctflow demo
  $ ctflow demo --duration 1m --backend fallback
  $ ctflow demo --json --duration 10s | jq .exportedOctets`,
    )
    .action((flags: DemoFlags) => runDemo(flags));
}
