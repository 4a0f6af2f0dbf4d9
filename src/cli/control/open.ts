import { CtflowError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import type { ControlRequest } from '../../daemon/control/protocol.js';
import { ControlServer, type ControlHandlers } from '../../daemon/control/server.js';
import { defaultSocket, here } from '../../daemon/control/socket-path.js';
import { type Running, statusOf } from '../../daemon/control/status.js';
import { parsePressureQuery, parseQuery } from '../../daemon/top/query.js';
import type { NamespaceSet } from '../../daemon/namespaces/namespace-set.js';

/**
 * Opens the control socket of `ctflow run`.
 * @param given the setting: a path, `off`, or nothing for the default place
 * @returns undefined where there is none: the default place is another daemon's, or cannot be had
 * @throws CtflowError CTFLOW_CONTROL where a path was given and cannot be had
 */
export async function openControl(
  given: string | undefined,
  running: Running,
  log: Logger,
): Promise<ControlServer | undefined> {
  if (given === 'off') return undefined;
  const path = given ?? defaultSocket(here());
  if (path === undefined) {
    log.debug('there is no runtime directory: without --control there is no control socket');
    return undefined;
  }
  try {
    return await ControlServer.open({ path, handlers: handlersOf(running), log });
  } catch (error) {
    if (given !== undefined || !(error instanceof CtflowError)) throw error;
    log.info({ code: error.code, hint: error.hint }, `${error.message}; this run has no control socket`);
    return undefined;
  }
}

function handlersOf(running: Running): ControlHandlers {
  const exporter = (): NamespaceSet => {
    if (running.namespaces && running.state === 'running') return running.namespaces;
    throw new CtflowError(
      'CTFLOW_CONTROL',
      `ctflow run is ${running.state}`,
      'Try again when ctflow status says running',
    );
  };
  return {
    status: () => statusOf(running),
    'templates-resend': ({ destination }: ControlRequest) => exporter().resendTemplates(destination),
    reload: () => {
      exporter();
      return running.reloader!.reload();
    },
    'record-dump': () => {
      exporter();
      if (running.recorder) return running.recorder.write('command');
      throw new CtflowError('CTFLOW_CONTROL', 'This ctflow run has no flight recorder', 'Start it with --record-last');
    },
    top: ({ netns, query }: ControlRequest) => exporter().find(netns).top.page(parseQuery(query)),
    pressure: async ({ netns, query }: ControlRequest) => {
      const wanted = parsePressureQuery(query);
      const { exporter: one, top } = exporter().find(netns);
      await one.poll();
      return top.pressure(wanted);
    },
    flush: ({ destination }: ControlRequest) => exporter().flush(destination),
  };
}
