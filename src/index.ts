/** What a program can build on: the exporter, the collector, the sources and the backends. */
export type { Backend, KernelOptions } from './backend.js';
export { Batch } from './batch.js';
export { Collector } from './collector/collector.js';
export { DESTINATION_DEFAULTS, type DestinationOptions } from './destination.js';
export { parseEndpoint, type Endpoint } from './endpoint.js';
export { CtflowError, describeError, type ErrorCode } from './errors.js';
export { Exporter, EXPORTER_DEFAULTS, type ExporterOptions, type ExporterStats } from './exporter.js';
export type { ConnectionFilter } from './filter.js';
export { InventoryFile, type InventoryStats } from './inventory/inventory-file.js';
export { loadBackend } from './load-backend.js';
export { createLogger } from './logger.js';
export { hostObservationDomain } from './observation-domain.js';
export { viewRow, type RowView } from './row-view.js';
export { ProcfsSource } from './sources/procfs.js';
export { ReplaySource } from './sources/replay.js';
export type { DumpSummary, Source } from './sources/source.js';
