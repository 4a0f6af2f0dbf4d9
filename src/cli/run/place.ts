import type { BesideOptions } from '../../destination/exporter-options.js';

/** Where an exporter of a run reads, and what it shares with the others. */
export interface Place {
  /** The network namespace, a name or a path; undefined for this process's own. */
  readonly netns: string | undefined;
  /** What people call it, where they have named it. */
  readonly label: string | undefined;
  /** Limits are divided into so many parts, one of them for this exporter. */
  readonly parts: number;
  /** Where there are others. */
  readonly beside?: BesideOptions;
}

/** Of what all exporters of a run may have together. */
export function partOf(limit: number, { parts }: Pick<Place, 'parts'>, least = 1): number {
  return Math.max(Math.floor(limit / parts), Math.min(limit, least));
}

/** The name of a network namespace as a part of a file's name, with no dot: dots are before what ctflow adds. */
export function inFileName(label: string): string {
  return encodeURIComponent(label).replaceAll('.', '%2E');
}
