/** What a program can build on: the exporter, the collector, the sources and the backends. */
export type { Backend } from './backend/backend.js';
export type { KernelOptions } from './sources/source.js';
export { Batch } from './row/batch.js';
export { Collector } from './collector/collector.js';
export { DESTINATION_DEFAULTS, type DestinationOptions } from './destination/destination.js';
export { parseEndpoint, type Endpoint } from './common/endpoint.js';
export { CtflowError, describeError, type ErrorCode } from './common/errors.js';
export { Exporter, EXPORTER_DEFAULTS, type ExporterOptions, type ExporterStats } from './exporter.js';
export type { ConnectionFilter } from './row/filter.js';
export { InventoryFile, type InventoryStats } from './inventory/inventory-file.js';
export { loadBackend } from './backend/load.js';
export { createLogger } from './common/logger.js';
export { hostObservationDomain } from './common/host.js';
export { viewRow, type RowView } from './row/row-view.js';
export { ProcfsSource } from './sources/procfs.js';
export { ReplaySource } from './sources/replay.js';
export type { DumpSummary, Source } from './sources/source.js';
