import type { Command } from 'commander';
import { CtflowError } from '../../common/errors.js';
import { isGiven } from '../../config/options.js';
import { sourceSettings } from '../../config/source-settings.js';

/**
 * What a daemon shows, unless a flag of the source was given or there is none.
 * @param control path of its socket, where one was given; `off` for none
 * @throws CtflowError CTFLOW_USAGE where both were given; what `daemon` throws where its socket was given; what `own` throws
 */
export async function daemonOrOwn<T>(
  command: Command,
  control: string | undefined,
  daemon: () => Promise<T>,
  own: () => Promise<T>,
): Promise<T> {
  // a backend is no source: it is that of own polls, if it comes to these
  const about = Object.keys(sourceSettings).filter(key => key !== 'backend' && isGiven(command, key));
  // of a daemon it says which of its network namespaces is meant
  const given = about.some(key => key !== 'netns' || control === undefined);
  if (control === 'off' || (given && control === undefined)) return own();
  if (given) {
    const what = `ctflow ${command.name()} asks a ctflow run or polls itself, and not both`;
    throw new CtflowError('CTFLOW_USAGE', what, 'Give --control, or flags of the source');
  }
  try {
    return await daemon();
  } catch (error) {
    if (control !== undefined || !(error instanceof CtflowError)) throw error;
    return own();
  }
}
