import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { note, standardOutput } from '../../common/terminal/standard-streams.js';
import { duration, onOff, wholeNumber } from '../../config/kind.js';
import { addSettings } from '../../config/options.js';
import { defaulted } from '../../config/setting.js';
import { type PortRange, portsOf, type SnatPorts, snatPortsSetting } from '../../config/snat-ports.js';
import { sourceSettings } from '../../config/source-settings.js';
import type { PressureLine } from '../../daemon/top/pressure-page.js';
import { MOST_ROWS } from '../../daemon/top/query.js';
import { daemonOrOwn } from '../control/daemon-or-own.js';
import { controlSetting } from '../control/settings.js';
import { hostOf } from '../doctor/host.js';
import type { SourceSettings } from '../open-source.js';
import { Progress } from '../progress.js';
import { DaemonLooks, type Looks, OwnLooks } from './looks.js';
import { rangeOf, readSourceNats, type SourceNat } from './port-ranges.js';
import { reportOf } from './report.js';
import { pressureText } from './text.js';

const pressureSettings = {
  rows: defaulted('', wholeNumber('<n>', 1, MOST_ROWS), 10, 'show so many of each kind'),
  interval: defaulted(
    '',
    duration('200ms', '1h'),
    5_000,
    'time from the first look to the second: rates are from both',
  ),
  json: defaulted('', onOff(), false, 'one line of JSON'),
  ...controlSetting,
  ...sourceSettings,
  ...snatPortsSetting,
};

interface PressureFlags extends SourceSettings {
  rows: number;
  interval: number;
  snatPorts?: readonly SnatPorts[];
  json: boolean;
  control?: string;
}

/** `ctflow pressure` */
export function pressureCommand(): Command {
  return addSettings(new Command('pressure'), pressureSettings)
    .description("say who fills the kernel's table, when it will be full, and which translated ports run out")
    .addHelpText(
      'after',
      `
Asks the ctflow run that has the control socket, with --control also for one of several network namespaces. Where none
runs, or a flag of the source is given, it polls itself. It polls twice, and is done after the second poll.

Examples:
  # ctflow pressure
  # ctflow pressure --rows 3 --interval 1m
  # ctflow pressure --json | jq '.groups.snat.lines[] | select(.free < 1000)'
  # ctflow pressure --netns blue
  $ ctflow pressure --source replay:dump.ctflow`,
    )
    .action(pressure);
}

async function pressure(flags: PressureFlags, command: Command): Promise<void> {
  const looks = await daemonOrOwn<Looks>(
    command,
    flags.control,
    () => DaemonLooks.open(flags.control, flags.netns),
    () => OwnLooks.open(flags),
  );
  try {
    // what comes late in the second may be beyond the rows of the first
    const first = await looks.look(MOST_ROWS);
    const progress = new Progress(() => 'waits for its second look');
    await sleep(flags.interval).finally(() => progress.close());
    const last = await looks.look(flags.rows);
    const settled = ({ snat, range }: PressureLine): PortRange | undefined =>
      portsOf(flags.snatPorts ?? [], snat!.external) ?? range;
    const isOpen = last.groups.snat.lines.some(line => settled(line) === undefined);
    const nats = isOpen ? await sourceNats(looks) : [];
    const report = reportOf(looks.origin, first, last, line => settled(line) ?? rangeOf(nats, line.snat!));
    standardOutput().write(flags.json ? `${JSON.stringify(report)}\n` : pressureText(report));
    if (!last.complete) note('the last poll did not see the whole table: the counts are of a part of it');
  } finally {
    await looks.close();
  }
}

/** The rules of nft in the namespace that is looked at; a recording has none, nor has Open vSwitch. */
async function sourceNats({ byKernel, netns }: Looks): Promise<readonly SourceNat[]> {
  if (!byKernel) return [];
  const { nats, unseen } = await readSourceNats(hostOf(netns));
  if (unseen !== undefined) note(`free ports are not known, as the rules of nft are not: ${unseen}. Give --snat-ports`);
  return nats;
}
