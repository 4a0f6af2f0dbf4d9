import { resolve } from 'node:path';
import type { RunConfig } from '../../config/run-config.js';
import { ask } from '../../daemon/control/client.js';
import type { DaemonStatus } from '../../daemon/control/status.js';

/** The process that runs with this configuration file, or with none where there is none; undefined where no such one answers. */
export async function runningDaemon({
  settings,
  file,
}: Pick<RunConfig, 'settings' | 'file'>): Promise<number | undefined> {
  if (settings.control === 'off') return undefined;
  try {
    const { pid, configFile } = (await ask(settings.control, { command: 'status' })) as DaemonStatus;
    return configFile === (file && resolve(file.path)) ? pid : undefined;
  } catch {
    return undefined;
  }
}
