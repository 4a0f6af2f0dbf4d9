import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { Command } from 'commander';
import { standardOutput } from '../../common/terminal/standard-streams.js';
import { onOff } from '../../config/kind.js';
import { addSettings } from '../../config/options.js';
import { defaulted } from '../../config/setting.js';
import type { DaemonStatus } from '../../daemon/control/status.js';
import { handleSignals } from '../signals.js';
import { askDaemon } from './ask-daemon.js';
import { controlSetting } from './settings.js';
import { statusText } from './status-text.js';

/** Milliseconds from one look to the next. */
const WATCH_MS = 2_000;
/** Top left, and nothing below: a terminal shows each status in place of the one before (ECMA-48). */
const HOME = '\u001b[H\u001b[J';

const statusSettings = {
  ...controlSetting,
  json: defaulted('', onOff(), false, 'one line of JSON, with all statistics'),
  watch: defaulted('', onOff(), false, 'again every 2 seconds, until stopped'),
};

interface StatusFlags {
  control?: string;
  json: boolean;
  watch: boolean;
}

/** `ctflow status` */
export function statusCommand(): Command {
  return addSettings(new Command('status'), statusSettings)
    .description('say what a running ctflow does: destinations, counts, last errors, queues')
    .addHelpText('after', '\nExamples:\n  # ctflow status\n  # ctflow status --watch\n  # ctflow status --json')
    .action(async ({ control, json, watch }: StatusFlags) => {
      const show = async (): Promise<void> => {
        const status = (await askDaemon(control, { command: 'status' })) as DaemonStatus;
        const before = watch && !json ? (isatty(1) ? HOME : '\n') : '';
        standardOutput().write(`${before}${json ? `${JSON.stringify(status)}\n` : statusText(status)}`);
      };
      await show();
      if (!watch) return;
      const stopping = new AbortController();
      const signals = handleSignals({ report: () => {}, cutShort: () => {} });
      void signals.stopped.then(() => stopping.abort());
      while (!signals.received) {
        await sleep(WATCH_MS, undefined, { signal: stopping.signal }).catch(() => {});
        if (!signals.received) await show();
      }
    });
}
