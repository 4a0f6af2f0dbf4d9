import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.js';
import { CtflowError } from './errors.js';

/** An IPFIX File (RFC 5655). */
export interface FileEndpoint {
  readonly protocol: 'file';
  /** Absolute. */
  readonly path: string;
}

/** Where records can go: to a collector, or into files. */
export type DestinationEndpoint = Endpoint | FileEndpoint;

/**
 * Reads `file:///var/log/ctflow/flows.ipfix`, and whatever {@link parseEndpoint} reads.
 * @throws CtflowError CTFLOW_USAGE
 */
export function parseDestination(text: string): DestinationEndpoint {
  if (!/^file:/i.test(text)) return parseEndpoint(text, '; or file:///PATH/NAME');
  try {
    const url = new URL(text);
    // of `file://flows.ipfix` the name would be a host
    const local = /^file:\/\/\//i.test(text) && url.search === '' && url.hash === '';
    if (local && !url.pathname.endsWith('/') && !url.pathname.includes('%00'))
      return { protocol: 'file', path: resolve(fileURLToPath(url)) };
  } catch {
    // said below
  }
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not a file`,
    'Write file:///PATH/NAME with three slashes and the whole path; %23 for #, %2C for a comma, %3F for ?',
  );
}

/** The address as the user would write it, in a list too. */
export function formatDestination(endpoint: DestinationEndpoint): string {
  if (endpoint.protocol !== 'file') return formatEndpoint(endpoint);
  return pathToFileURL(endpoint.path).href.replaceAll(',', '%2C');
}
