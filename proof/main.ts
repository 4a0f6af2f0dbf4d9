/** `npm run proof:completeness`: nothing is missed, shown on the real kernel. */
import { Command, Option } from 'commander';
import { duration, wholeNumber } from '../src/config/values.js';
import { CtflowError, describeError } from '../src/common/errors.js';
import { judge, type CaseResult } from './case.js';
import { CASES, NAMED_CASES } from './cases/index.js';
import { formatCase, reportOf, verdict } from './report.js';
import { EndingScope } from '../test/helpers/kernel/scope.js';

interface Flags {
  flows: number;
  rate: number;
  pollInterval: number;
  freeze: number;
  seed: number;
  only?: string[];
  json?: boolean;
}

/** Seconds; see Size. */
const TIMEOUT = 3;
/** A run that is void is repeated once. */
const RUNS = 2;

const usual = CASES.map(({ name }) => name);
const names = [...CASES, ...NAMED_CASES].map(({ name }) => name);

const program = new Command('proof:completeness')
  .description('holds what ctflow exports against what the kernel counted without conntrack, on real traffic')
  .addOption(new Option('--flows <n>', 'flows of each case').argParser(wholeNumber(100, 2_000_000)).default(200_000))
  .addOption(new Option('--rate <n>', 'flows begun in a second').argParser(wholeNumber(1, 1_000_000)).default(20_000))
  .addOption(
    new Option('--poll-interval <time>', 'of the exporter').argParser(duration('100ms', '1h')).default(5000, '5s'),
  )
  .addOption(
    new Option('--freeze <time>', 'how long a collector or the exporter is frozen')
      .argParser(duration('1s', '1h'))
      .default(60_000, '60s'),
  )
  .addOption(
    new Option('--seed <n>', 'the same one makes the same flows').argParser(wholeNumber(0, 2 ** 32)).default(1),
  )
  .addOption(new Option('--only <cases>', `some of ${names.join(', ')}`).argParser(caseNames))
  .addOption(new Option('--json', 'print only the report, as one JSON object'));

const open = new Set<EndingScope>();

let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupted = true;
    void Promise.allSettled([...open].map(scope => scope.end())).then(() => process.exit(130));
  });
}

try {
  program.parse();
  process.exitCode = (await prove(program.opts<Flags>())) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof CtflowError ? describeError(error) : (error as Error).stack}\n`);
  process.exitCode = error instanceof CtflowError && error.code === 'CTFLOW_USAGE' ? 2 : 1;
}

/** @returns whether every case has passed */
async function prove({ only = usual, json, freeze, ...rest }: Flags): Promise<boolean> {
  const size = { ...rest, timeout: TIMEOUT, freeze: freeze / 1000 };
  const results: CaseResult[] = [];
  for (const proof of [...CASES, ...NAMED_CASES].filter(({ name }) => only.includes(name))) {
    if (interrupted) break;
    const result = await judge(proof, size, RUNS, () => {
      const scope = new EndingScope();
      open.add(scope);
      return scope;
    });
    results.push(result);
    if (!json && !interrupted) process.stdout.write(`${formatCase(result)}\n`);
  }
  const report = reportOf(size, results);
  if (interrupted) return false;
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${verdict(results)}\n`);
  return report.passed;
}

function caseNames(text: string): string[] {
  const wanted = text.split(',');
  const unknown = wanted.find(name => !names.includes(name));
  if (unknown === undefined) return wanted;
  throw new CtflowError('CTFLOW_USAGE', `'${unknown}' is no case`, `Known are ${names.join(', ')}`);
}
