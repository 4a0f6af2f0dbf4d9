import { Command } from 'commander';
import { VERSION } from '../common/version.js';
import { collectCommand } from './collect.js';
import { configCommand } from './config.js';
import { flushCommand } from './control/flush.js';
import { reloadCommand } from './control/reload.js';
import { statusCommand } from './control/status.js';
import { templatesCommand } from './control/templates.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { dumpCommand } from './dump.js';
import { sendCommand } from './files/send.js';
import { pressureCommand } from './pressure/pressure.js';
import { recordCommand } from './record.js';
import { completionCommand } from './reference/completion.js';
import { runCommand } from './run.js';
import { topCommand } from './top/top.js';
import { versionCommand } from './version.js';

/** The command line: `ctflow` and all its commands. */
export function ctflowProgram(): Command {
  return new Command('ctflow')
    .description("Exports this host's connections as IPFIX flow records")
    .version(VERSION, '--version', 'print the version only')
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 error, 2 usage error. ctflow <command> --help shows flags and examples.',
    )
    .addCommand(runCommand())
    .addCommand(statusCommand())
    .addCommand(templatesCommand())
    .addCommand(flushCommand())
    .addCommand(reloadCommand())
    .addCommand(collectCommand())
    .addCommand(topCommand())
    .addCommand(pressureCommand())
    .addCommand(dumpCommand())
    .addCommand(configCommand())
    .addCommand(doctorCommand())
    .addCommand(recordCommand())
    .addCommand(sendCommand())
    .addCommand(demoCommand())
    .addCommand(completionCommand())
    .addCommand(versionCommand());
}
