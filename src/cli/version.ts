import { Command } from 'commander';
import type { Backend } from '../backend/backend.js';
import { describeError } from '../common/errors.js';
import { LAYOUT_VERSION } from '../row/layout.generated.js';
import { loadBackend } from '../backend/load.js';
import { VERSION } from '../common/version.js';
import { standardOutput } from '../common/terminal/standard-streams.js';
import { addSettings } from '../config/options.js';
import { backendSetting } from '../config/source-settings.js';

/** `ctflow version` */
export function versionCommand(): Command {
  return addSettings(new Command('version'), backendSetting)
    .description('print the version, the backend and the platform')
    .addHelpText('after', '\nExamples:\n  $ ctflow version\n  $ ctflow version --backend fallback')
    .action(async (flags: { backend: 'auto' | 'native' | 'fallback' }) => {
      const output = standardOutput();
      const notes: string[] = [];
      const backend = await loadBackend(flags.backend, line => notes.push(line)).catch((error: unknown) => error);
      const name = backend instanceof Error ? 'none' : (backend as Backend).name;
      output.write(
        `ctflow ${VERSION}\nbackend ${name} (row layout ${LAYOUT_VERSION})\nnode ${process.version}, ${process.platform} ${process.arch}\n`,
      );
      for (const note of notes) output.write(`${note}\n`);
      if (backend instanceof Error) {
        output.write(`${describeError(backend)}\n`);
        throw backend;
      }
    });
}
