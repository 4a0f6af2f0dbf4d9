import { text } from '../../config/kind.js';
import { setting } from '../../config/setting.js';

/** The flag of every command that asks a daemon. */
export const controlSetting = {
  control: setting('', text('<path>'), 'control socket of ctflow run (default: where it has one by default)'),
};

/** Milliseconds that a daemon has for an answer: far above what a busy host needs. */
export const ANSWER_MS = 30_000;
