import type { RunConfig } from '../../config/run-config.js';
import type { DestinationsChanged } from '../../destination/set/destination-changes.js';
import type { DestinationOptions } from '../../destination/destination-options.js';
import type { Exporter } from '../../exporter.js';
import type { Source } from '../../sources/source.js';
import type { PressureCensus } from '../metrics/pressure-census.js';
import type { Readiness } from '../readiness.js';
import type { Top } from '../top/top.js';

/** What exporters are made from, and may change while they run. */
export type PipelineConfig = Pick<RunConfig, 'settings' | 'destinations'>;

/** The exporter of one network namespace, and what looks at it. */
export interface Pipeline {
  /** What people call the namespace; undefined where only one is read. */
  readonly netns: string | undefined;
  readonly exporter: Exporter;
  /** As they were when it was made. */
  readonly destinations: readonly (DestinationOptions & { readonly name: string })[];
  readonly source: Source;
  readonly top: Top;
  readonly pressure: PressureCensus;
  readonly readiness: Readiness;
  /** Takes other destinations, and what else changes while ctflow runs. @throws CtflowError: all is as it was then */
  reload(config: PipelineConfig): Promise<DestinationsChanged>;
  /** Exports what is open. @returns records that were left unexported */
  close(): Promise<number>;
  /** It is looked at no more. */
  unwatch(): void;
  /** The namespace will not come back: its state file is removed. */
  forget(): void;
}
