import type { Logger } from '../../common/logger.js';
import { note } from '../../common/terminal/standard-streams.js';
import { Top } from '../../daemon/top/top.js';
import { Exporter, EXPORTER_DEFAULTS, type ExporterOptions } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import { openSource, type SourceSettings } from '../open-source.js';
import { Progress } from '../progress.js';
import type { TopSource } from './page-source.js';

/** An exporter without destinations: this process polls itself, and looks at what it has stored. */
export interface OwnExporter {
  /** For a title. */
  readonly origin: string;
  readonly exporter: Exporter;
  readonly top: Top;
}

/**
 * Polls for the first time.
 * @param polls how it goes on by itself
 * @param warned gets warnings and errors
 * @param expect is called before the first poll
 * @throws CtflowError where the connections cannot be read
 */
export async function openOwnExporter(
  flags: TopSource,
  polls: Partial<Pick<ExporterOptions, 'flowPollInterval' | 'leastPollInterval'>>,
  warned: (message: string) => void,
  expect: (top: Top) => void = () => {},
): Promise<OwnExporter> {
  const { backend, source } = await openSource(flags, note);
  const top = new Top(flags.snatPorts);
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    ...polls,
    backend,
    source,
    destinations: [],
    // nothing is exported
    shutdownTimeout: 0,
    firstSight: 'total',
    pollHooks: [top.pollHook],
    log: new Warnings(warned),
  });
  top.watch(exporter, source);
  expect(top);
  const progress = new Progress(() => 'reads the connections');
  await exporter.open().finally(() => progress.close());
  return { origin: originOf(flags, source), exporter, top };
}

function originOf({ netns }: SourceSettings, { kind }: Source): string {
  if (kind === 'replay') return 'a recording';
  return `own polls (${kind}${netns === undefined ? '' : `, network namespace ${netns}`}), no ctflow run`;
}

/** A log of warnings and errors alone, without their fields. */
class Warnings implements Logger {
  readonly #warned: (message: string) => void;
  readonly info = (): void => {};
  readonly debug = (): void => {};
  readonly warn = (fields: object | string, message?: string): void => this.#say(fields, message);
  readonly error = (fields: object | string, message?: string): void => this.#say(fields, message);

  constructor(warned: (message: string) => void) {
    this.#warned = warned;
  }

  child(): Logger {
    return this;
  }

  #say(fields: object | string, message: string | undefined): void {
    this.#warned(typeof fields === 'string' ? fields : (message ?? ''));
  }
}
