import { isatty } from 'node:tty';
import { Command } from 'commander';
import { loadBackend } from '../backend/load.js';
import { CtflowError } from '../common/errors.js';
import { note, standardOutput } from '../common/terminal/standard-streams.js';
import { onOff } from '../config/kind.js';
import { addSettings } from '../config/options.js';
import { addRunSettings } from '../config/run-config.js';
import { defaulted } from '../config/setting.js';
import { findNamespaces } from '../daemon/namespaces/namespace-names.js';
import { CHECKS, subjectOf } from './doctor/checks.js';
import { examine, examineEach } from './doctor/examination.js';
import { asJson, asLines, count } from './doctor/printer.js';
import { Progress } from './progress.js';
import { placesOf } from './run/places.js';

const doctorSettings = {
  fix: defaulted(
    '',
    onOff(),
    false,
    'mend what is safe: load missing kernel modules, switch accounting, timestamps and events on',
  ),
  json: defaulted('', onOff(), false, 'print JSON, for programs'),
};

/** `ctflow doctor` */
export function doctorCommand(): Command {
  const command = new Command('doctor').description('check everything that an export needs, and say what mends it');
  addSettings(command, doctorSettings);
  const config = addRunSettings(command);
  return command
    .addHelpText(
      'after',
      `
Give it the flags of ctflow run, or the same file: it checks what these settings need. It exports nothing, and changes
nothing without --fix. Exit code 1 where there is an error.

Examples:
  # ctflow doctor
  # ctflow doctor --collector tls://collector.example --state /var/lib/ctflow/state
  # ctflow doctor --fix
  # ctflow doctor --json | jq '.checks[] | select(.status == "error")'`,
    )
    .action(async ({ fix, json }: { fix: boolean; json: boolean }) => {
      const backend = await loadBackend(config().settings.backend, note);
      let at = '';
      const progress = new Progress(() => `checks ${at}`);
      const says = fix ? (change: string): void => note(`--fix ${change}`) : undefined;
      const { wanted, most } = placesOf(config().settings);
      const names = wanted && findNamespaces(wanted).slice(0, most);
      const begins = (check: string): void => void (at = check);
      const examined = await (
        names
          ? examineEach(
              CHECKS,
              names.map(({ name }) => [name, subjectOf(config(), backend, name)] as const),
              says,
              begins,
            )
          : examine(CHECKS, subjectOf(config(), backend), says, begins)
      ).finally(() => progress.close());
      const width = isatty(1) ? process.stdout.columns : undefined;
      standardOutput().write(json ? asJson(examined) : asLines(examined, width));
      const errors = count(examined, 'error');
      if (errors > 0)
        throw new CtflowError(
          'CTFLOW_DOCTOR',
          `${errors} ${errors === 1 ? 'check found an error' : 'checks found errors'}`,
          'Do what stands below each of them',
        );
    });
}
