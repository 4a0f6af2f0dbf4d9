import { text } from '../../config/kind.js';
import { setting } from '../../config/setting.js';

/** The flag of every command that asks a daemon. */
export const controlSetting = {
  control: setting('', text('<path>'), 'control socket of ctflow run (default: where it has one by default)'),
};
