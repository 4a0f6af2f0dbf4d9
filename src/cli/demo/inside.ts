/** The program that the demonstration runs in its private namespace; speaks with {@link runInside} over Node's channel. */
import { CtflowError } from '../../common/errors.js';
import type { FromInside } from './outside.js';
import { type LiveOptions, runLive } from './live.js';

const options = JSON.parse(process.argv[2]) as LiveOptions;
const interrupt = new AbortController();
const stop = () => interrupt.abort();

// a terminal's Ctrl-C reaches this process too; either way the end comes in order
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
process.on('message', stop);
// nobody is left to report to
process.once('disconnect', () => process.exit(1));

const tell = (message: FromInside) => process.send!(message);

try {
  const result = await runLive(options, {
    signal: interrupt.signal,
    show: snapshot => tell({ kind: 'snapshot', snapshot }),
    say: line => tell({ kind: 'say', line }),
  });
  end({ kind: 'result', result });
} catch (error) {
  if (!(error instanceof CtflowError)) throw error;
  end({ kind: 'failure', code: error.code, message: error.message, hint: error.hint });
}

function end(message: FromInside): void {
  process.send!(message, () => process.exit());
}
