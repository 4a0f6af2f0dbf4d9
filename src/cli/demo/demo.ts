import { CtflowError } from '../../common/errors.js';
import type { LiveOptions } from './live.js';
import { namespaceCommand } from './namespace.js';
import { runInside } from './outside.js';
import { Presenter } from './presenter.js';
import { runReplay } from './replay.js';
import { type DemoReport, requireEqual } from './report.js';
import type { Stage } from './stage.js';
import { validRun } from './valid-run.js';

export interface DemoOptions extends LiveOptions {
  /** Nothing on stdout but the report, as one JSON object. */
  readonly json: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Shows ctflow at work on this machine's kernel, or on a recording where that is not possible, and reports. A first signal
 * ends it early and in order; a second one at once.
 * @throws CtflowError CTFLOW_DEMO when the counts differ or the run was void twice
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const presenter = new Presenter(options.json);
  const interrupt = new AbortController();
  const onSignal = () => {
    if (interrupt.signal.aborted) {
      presenter.end();
      process.exit(1);
    }
    interrupt.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  void presenter.deserted.then(() => interrupt.abort());
  const stage: Stage = {
    signal: interrupt.signal,
    show: snapshot => presenter.show(snapshot),
    say: line => presenter.say(line),
  };
  let report: DemoReport;
  try {
    report = await play(options, stage);
  } finally {
    presenter.end();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
  presenter.report(report);
  requireEqual(report);
  if (report.connections === 0 && !interrupt.signal.aborted) {
    throw new CtflowError('CTFLOW_DEMO', 'Not one connection was seen', 'Check that conntrack works: ctflow dump');
  }
}

async function play(options: DemoOptions, stage: Stage): Promise<DemoReport> {
  try {
    return await playLive(options, stage);
  } catch (error) {
    if (!(error instanceof CtflowError) || error.code !== 'CTFLOW_NAMESPACE') throw error;
    stage.say(`${error.message}: playing a recording instead. ${error.hint}.`);
    return { ...(await runReplay(options, stage)), repeated: false };
  }
}

async function playLive(options: DemoOptions, stage: Stage): Promise<DemoReport> {
  const namespace = await namespaceCommand();
  const live: LiveOptions = { backend: options.backend, duration: options.duration };
  return validRun(() => runInside(namespace, live, stage), stage);
}
