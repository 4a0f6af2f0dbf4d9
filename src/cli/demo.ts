import { Command } from 'commander';
import { runDemo } from '../demo/demo.js';
import { backendFlag, type SourceFlags } from './source-flags.js';
import { flag, timeFlag } from './flag.js';

interface DemoFlags {
  backend: SourceFlags['backend'];
  duration: number;
  json?: boolean;
}

/** `ctflow demo` */
export function demoCommand(): Command {
  return new Command('demo')
    .description('show ctflow at work: real traffic in a private network namespace, exported, collected and checked')
    .addOption(timeFlag('--duration <time>', 'duration of the run, 3s to 1h', '3s', '1h', 15_000))
    .addOption(flag('--json', 'print only the report, as one JSON object'))
    .addOption(backendFlag())
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
    .action((flags: DemoFlags) => runDemo({ ...flags, json: flags.json === true }));
}
