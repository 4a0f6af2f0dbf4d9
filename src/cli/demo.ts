import { Command, Option } from 'commander';
import { runDemo } from '../demo/demo.js';
import { parseDuration } from '../duration.js';
import { CtflowError } from '../errors.js';

const SHORTEST = 3000;
const LONGEST = 3_600_000;

/** `ctflow demo` */
export function demoCommand(): Command {
  return new Command('demo')
    .description('show ctflow at work: real traffic in a private network namespace, exported, collected and checked')
    .addOption(new Option('--duration <time>', 'how long, 3s to 1h').default('15s').env('CTFLOW_DEMO_DURATION'))
    .addOption(new Option('--json', 'print nothing but the report, as one JSON object').env('CTFLOW_DEMO_JSON'))
    .addOption(
      new Option('--backend <name>', 'who reads and encodes')
        .choices(['auto', 'native', 'fallback'])
        .default('auto')
        .env('CTFLOW_BACKEND'),
    )
    .addHelpText(
      'after',
      `
Needs no root where user namespaces are allowed. Where no namespace can be made, a recording is played instead.
Octets and packets of both directions are held against a count that the kernel makes without conntrack; ends with 1 when
they differ.

Examples:
  $ ctflow demo
  $ ctflow demo --duration 1m --backend fallback
  $ ctflow demo --json --duration 10s | jq .exportedOctets`,
    )
    .action(async (options: { duration: string; json?: true; backend: 'auto' | 'native' | 'fallback' }) => {
      await runDemo({
        backend: options.backend,
        duration: demoDuration(options.duration),
        json: options.json === true,
      });
    });
}

function demoDuration(text: string): number {
  const duration = parseDuration(text);
  if (duration < SHORTEST || duration > LONGEST) {
    throw new CtflowError('CTFLOW_USAGE', `'${text}' is no duration for a demonstration`, 'Choose between 3s and 1h');
  }
  return duration;
}
