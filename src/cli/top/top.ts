import { isatty } from 'node:tty';
import { Command } from 'commander';
import { CtflowError } from '../../common/errors.js';
import { choice, duration } from '../../config/kind.js';
import { addSettings } from '../../config/options.js';
import { defaulted, setting } from '../../config/setting.js';
import { snatPortsSetting } from '../../config/snat-ports.js';
import { filterExpression, sourceSettings } from '../../config/source-settings.js';
import { GROUPINGS, SORTS, type Grouping, type Sort } from '../../daemon/top/query.js';
import type { Filter } from '../../filter/filter.js';
import { connectionFilter } from '../../filter/store-filter.js';
import { daemonOrOwn } from '../control/daemon-or-own.js';
import { controlSetting } from '../control/settings.js';
import { handleSignals } from '../signals.js';
import { DaemonPages } from './daemon-pages.js';
import { OwnPages } from './own-pages.js';
import type { PageSource, TopSource } from './page-source.js';
import { TopSession } from './session.js';
import { TerminalScreen } from './terminal.js';

const topSettings = {
  sort: defaulted(
    '',
    choice('<by>', SORTS),
    'bytes',
    'what comes first; groups have their number of connections for state',
  ),
  group: defaulted('', choice('<by>', GROUPINGS), 'none', 'sums of connections by what they have in common'),
  filter: setting(
    '',
    filterExpression(connectionFilter),
    'show only connections that match, as of a destination, e.g. "protocol == tcp && bytes > 1MB"',
  ),
  interval: defaulted('', duration('200ms', '1h'), 2_000, 'time from one look to the next'),
  ...controlSetting,
  ...sourceSettings,
  ...snatPortsSetting,
};

interface TopFlags extends TopSource {
  sort: Sort;
  group: Grouping;
  filter?: Filter;
  interval: number;
}

/** `ctflow top` */
export function topCommand(): Command {
  return addSettings(new Command('top'), topSettings)
    .description('show the connections that matter most, again and again, on a terminal')
    .addHelpText(
      'after',
      `
Asks the ctflow run that has the control socket, with --control also for one of several network namespaces. Where none
runs, or a flag of the source is given, it polls itself.

Keys: b bytes, p packets, r rate, a age, s state (again: reversed); g the next group; / filter; d denied packets; arrows
and page keys; space pause; q quit.

Examples:
  # ctflow top
  # ctflow top --sort rate --filter 'dst.port == 443'
  # ctflow top --group source --netns blue
  $ ctflow top --source replay:dump.ctflow`,
    )
    .action(top);
}

async function top(flags: TopFlags, command: Command): Promise<void> {
  needTerminal();
  let screen: TerminalScreen | undefined;
  const signals = handleSignals({ report: () => {}, cutShort: () => screen?.close() });
  const source = await daemonOrOwn<PageSource>(
    command,
    flags.control,
    () => DaemonPages.open(flags),
    () => OwnPages.open(flags, flags.interval),
  );
  try {
    if (signals.received) return;
    screen = await TerminalScreen.open();
    try {
      const { sort, group, filter, interval } = flags;
      const state = { sort, group, reverse: false, filter: filter?.text ?? '', skip: 0, denied: false, paused: false };
      const session = new TopSession(source, screen, state, interval);
      void signals.stopped.then(() => session.close());
      await session.ended;
    } finally {
      screen.close();
    }
  } finally {
    await source.close();
  }
}

/** @throws CtflowError CTFLOW_USAGE */
function needTerminal(): void {
  const instead = 'Use ctflow dump for the connections, ctflow status --json for counts';
  for (const [fd, name] of [
    [1, 'output'],
    [0, 'input'],
  ] as const)
    if (!isatty(fd))
      throw new CtflowError('CTFLOW_USAGE', `ctflow top needs a terminal, and standard ${name} is none`, instead);
  if (process.env['TERM'] === undefined || process.env['TERM'] === 'dumb')
    throw new CtflowError('CTFLOW_USAGE', 'ctflow top needs a terminal with a screen, and TERM names none', instead);
}
