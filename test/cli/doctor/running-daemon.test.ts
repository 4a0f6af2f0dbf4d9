import { relative } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runningDaemon } from '../../../src/cli/doctor/running-daemon.js';
import type { ConfigFile } from '../../../src/config/config-file.js';
import { COMMANDS } from '../../../src/daemon/control/protocol.js';
import { type ControlHandlers, ControlServer } from '../../../src/daemon/control/server.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { configOf } from './subject.js';

const PID = 4711;

/** The settings of a daemon that runs, with this configuration file. */
async function settingsOf(t: ExecutionContext, configFile?: string) {
  const path = temporaryPath(t, 'control.sock');
  const others = Object.fromEntries(COMMANDS.map(command => [command, () => []])) as never as ControlHandlers;
  const handlers = { ...others, status: () => ({ pid: PID, ...(configFile !== undefined && { configFile }) }) };
  const server = await ControlServer.open({ path, handlers, log: listeningLogger().log });
  t.teardown(() => server.close());
  return configOf(`--control ${path}`).settings;
}

const named = (path: string) => ({ path }) as ConfigFile;

test('the daemon that runs is known by its configuration file, wherever doctor is called', async t => {
  const file = temporaryPath(t, 'ctflow.yaml');
  const settings = await settingsOf(t, file);
  t.is(await runningDaemon({ settings, file: named(file) }), PID);
  t.is(await runningDaemon({ settings, file: named(relative(process.cwd(), file)) }), PID);
  t.is(await runningDaemon({ settings, file: named(`${file}.other`) }), undefined);
  t.is(await runningDaemon({ settings, file: undefined }), undefined);
});

test('a daemon without a file is that of flags alone', async t => {
  const settings = await settingsOf(t);
  t.is(await runningDaemon({ settings, file: undefined }), PID);
  t.is(await runningDaemon({ settings, file: named('/etc/ctflow/ctflow.yaml') }), undefined);
});

test('where no daemon answers, or none may be asked, it is not known', async t => {
  const { settings } = configOf(`--control ${temporaryPath(t, 'none.sock')}`);
  t.is(await runningDaemon({ settings, file: undefined }), undefined);
  t.is(await runningDaemon({ settings: configOf('--control off').settings, file: undefined }), undefined);
});
